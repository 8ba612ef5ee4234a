/*
 * Owns: the one question about this machine's clock: may anything be judged by it?
 * Runs in: fetcher, writer.
 * Never: asks a clock; `now` comes in.
 */
#include "clock.h"

#include "bounds.h"

#ifndef BUILD_DATE_SEC
#error "BUILD_DATE_SEC comes from meson.build"
#endif

int64_t clock_build_date(void)
{
    return (int64_t)BUILD_DATE_SEC;
}

bool clock_is_plausible(int64_t now)
{
    return now >= clock_build_date() - CLOCK_SKEW_SEC;
}
