/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

/*
 * What a kernel in an emulated machine is told of its clock. It would find the rate out by itself
 * against an emulated timer, which on a loaded machine gives a wrong rate or none: it then lives on
 * ticks, which come too late, and time inside nearly stands still.
 */
#define GUEST_CLOCK_WORDS "tsc_early_khz=%u tsc=reliable"

/* Ticks in a millisecond of the clock that a guest's processor has without KVM, which is ours;
 * takes 20 ms. 0: our processor has none of this kind. */
uint32_t guest_clock_khz(void);
