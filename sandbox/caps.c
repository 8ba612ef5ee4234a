/* SPDX-License-Identifier: ISC */
#include "sandbox/caps.h"

#include <errno.h>
#include <linux/securebits.h>
#include <stdbool.h>
#include <sys/capability.h>

static bool is_kept(int cap, const int *kept, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (kept[i] == cap)
            return true;
    return false;
}

int caps_cut_bounding(const int *kept, size_t count)
{
    for (int cap = 0; CAP_IS_SUPPORTED(cap); cap++) {
        if (is_kept(cap, kept, count) || cap_get_bound(cap) == 0)
            continue;
        if (cap_drop_bound(cap) != 0)
            return -1;
    }
    return 0;
}

int caps_cut_permitted(const int *kept, size_t count, enum caps_effective effective)
{
    cap_t now = cap_get_proc();
    cap_t wanted = cap_init();
    int result = -1;

    if (now == NULL || wanted == NULL)
        goto out;
    for (size_t i = 0; i < count; i++) {
        cap_flag_value_t has = CAP_CLEAR;

        if (cap_get_flag(now, kept[i], CAP_PERMITTED, &has) != 0)
            goto out;
        if (has == CAP_CLEAR)
            continue;
        if (cap_set_flag(wanted, CAP_PERMITTED, 1, &kept[i], CAP_SET) != 0)
            goto out;
        if (effective == CAPS_EFFECTIVE_ALL && cap_set_flag(wanted, CAP_EFFECTIVE, 1, &kept[i], CAP_SET) != 0)
            goto out;
    }
    result = cap_set_proc(wanted);
out:
    cap_free(now);
    cap_free(wanted);
    return result;
}

static int set_effective(int capability, cap_flag_value_t value)
{
    cap_t now = cap_get_proc();
    int result = -1;

    if (now != NULL && cap_set_flag(now, CAP_EFFECTIVE, 1, &capability, value) == 0)
        result = cap_set_proc(now);
    cap_free(now);
    return result;
}

int caps_raise(int capability)
{
    return set_effective(capability, CAP_SET);
}

int caps_lower(int capability)
{
    return set_effective(capability, CAP_CLEAR);
}

int caps_lower_all(void)
{
    cap_t now = cap_get_proc();
    int result = -1;

    if (now != NULL && cap_clear_flag(now, CAP_EFFECTIVE) == 0)
        result = cap_set_proc(now);
    cap_free(now);
    return result;
}

int caps_forbid_regain(void)
{
    return cap_set_secbits(
        SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED);
}
