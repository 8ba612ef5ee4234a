# SPDX-License-Identifier: ISC
# Owns: the output of the scripts: colours on a terminal only, one line for each step, the end of the log of a failed step.
# Runs in: scripts/test, scripts/demo (sourced by bash).
# Never: decides anything.
# shellcheck shell=bash disable=SC2034

if [[ -t 1 && -z ${NO_COLOR-} ]]; then
    colour_bold=$'\e[1m' colour_good=$'\e[32m' colour_bad=$'\e[31m' colour_dim=$'\e[2m' colour_off=$'\e[0m'
else
    colour_bold='' colour_good='' colour_bad='' colour_dim='' colour_off=''
fi

# Print the current time in milliseconds.
now_msec() {
    printf '%s' "$((${EPOCHREALTIME//[!0-9]/} / 1000))"
}

# say_step STATUS WHAT MSEC [NOTE]: print one line for a step.  STATUS is ok, FAIL or skip.
say_step() {
    local colour=$colour_good
    case $1 in
        FAIL) colour=$colour_bad ;;
        skip) colour=$colour_dim ;;
    esac
    printf '%s%-4s%s  %-44s %6d.%d s  %s\n' "$colour" "$1" "$colour_off" "$2" "$(($3 / 1000))" "$(($3 % 1000 / 100))" "${4-}"
}

# say_tail FILE LINES: print the last lines of a log, indented.
say_tail() {
    tail -n "$2" "$1" | sed 's/^/      | /'
}
