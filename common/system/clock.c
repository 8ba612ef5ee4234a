/* SPDX-License-Identifier: ISC */
#include "system/clock.h"

#include <time.h>

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

int64_t clock_monotonic_msec(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_monotonic_usec(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}
