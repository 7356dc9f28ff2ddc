/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "fmt/measured.h"
#include "runtime/app_room.h"
#include "runtime/console.h"

/*
 * Ramdisk 1: the measured config, then the image's tree, which is unpacked below /app, whole or not
 * at all. Steps in order; each failure has its own stop code in *ret_code.
 */
struct rt_ramdisk1 {
	struct mc_config config;     /* borrows from config_bytes */
	struct ss_span config_bytes; /* a buffer of ramdisk1.c */
	uint64_t available;          /* bytes that were free before unpacking */
	struct rt_room room;         /* what becomes of them */
};

/* `at` is where stage0 found the end of ramdisk 0. Reads the archive's first entry. */
SS_MUST_CHECK SS_NONNULL int rt_ramdisk1_config(uint64_t at, struct rt_ramdisk1 *ret,
						enum rt_stop_code *ret_code, struct ss_err *err);
/* Refuses, with the figures, if the tree and the application would not fit; else mounts /app and
 * unpacks, counts, and restores attributes. */
SS_MUST_CHECK SS_NONNULL int rt_ramdisk1_unpack(struct rt_ramdisk1 *r, enum rt_stop_code *ret_code,
						struct ss_err *err);
