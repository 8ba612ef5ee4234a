/* SPDX-License-Identifier: ISC */
#include "enable/enable_operation.h"

static enum setup_code carry_out(const struct operation *operation, const struct setup_options *options, struct plan *plan)
{
    struct setup_run run;
    enum setup_code code = setup_open(&run, false, plan->conf);

    if (code == SETUP_DONE && operation->carry_out(&run, plan, options) != 0)
        code = setup_go_back(&run, plan->conf);
    else if (code == SETUP_DONE)
        operation->say_end(&run, plan);
    transaction_close(&run.transaction);
    return code;
}

static enum setup_code show_and_do(const struct operation *operation, const struct setup_options *options, struct plan *plan)
{
    operation->say_scope(plan);
    if (setup_is_refused(plan))
        return SETUP_UNDONE;
    operation->say_diff(plan);
    if (options->is_dry_run)
        setup_say_step("This was a dry run: nothing was changed");
    else if (operation->is_nothing(plan))
        operation->say_nothing(plan);
    else
        return carry_out(operation, options, plan);
    return SETUP_DONE;
}

enum setup_code operation_run(const struct operation *operation, const struct setup_options *options, struct conf *conf)
{
    struct plan plan;
    enum setup_code code;

    setup_catch_signals();
    code = setup_tidy(options->is_dry_run, conf);
    if (code != SETUP_DONE) {
        conf_free(conf);
        return code;
    }
    operation->make(&options->request, conf, &plan);
    code = show_and_do(operation, options, &plan);
    plan_clear(&plan);
    return code;
}
