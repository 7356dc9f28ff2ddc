/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

/*
 * The clock, read in one place: whoever needs a time gets it as an argument, so that tests need no
 * clock and no output depends on one.
 */

/* Seconds since 1970. */
int64_t io_clock_now(void);
/* Milliseconds since 1970. */
uint64_t io_clock_now_ms(void);
/* Milliseconds of a clock that nobody sets: for time-outs. */
uint64_t io_clock_steady_ms(void);
