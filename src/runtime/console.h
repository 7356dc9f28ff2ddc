/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"

/*
 * One line a phase on the console, "rt:03 nsm ready", and one for every reason to stop, "rt:E11 …",
 * after which the machine ends. The numbers are an interface: docs/formats/ramdisk.md lists them,
 * they are never used again for something else.
 */
enum rt_phase {
	RT_P_STAGE0 = 1,
	RT_P_MOUNTS = 2,
	RT_P_NSM = 3,
	RT_P_ENTROPY = 4,
	RT_P_HEARTBEAT = 5,
	RT_P_CONFIG = 6,
	RT_P_UNPACKED = 7,
	RT_P_NSM_POLICY = 8,
	RT_P_LOOPBACK = 9,
	RT_P_STARTED = 10,
	RT_P_EGRESS = 11,
	RT_P_DATAPLANE = 12,
	RT_P_CLOCK = 13,
	RT_P_STOPPING = 14, /* the application is told to, or made to */
	RT_P_RESTART = 15,
	RT_P_NOTE = 16,    /* what the owner of the image should know */
	RT_P_SECRETS = 17, /* which are awaited, and that one came */
	RT_P_EXITED = 20,
	RT_P_END = 21,
};

enum rt_stop_code {
	/* stage0 */
	RT_E_SYSTEM = 1,       /* a system call that cannot fail here failed */
	RT_E_COMMAND_LINE = 2, /* the kernel's command line does not begin as measured */
	RT_E_NO_RAMDISK = 3,   /* fewer bytes of ramdisk than the command line says */
	RT_E_HASH = 4,         /* ramdisk 0 is not the one that the command line names */
	RT_E_RAMDISK0 = 5,     /* ramdisk 0 cannot be unpacked */
	RT_E_INIT = 6,         /* its init cannot be started */
	/* init */
	RT_E_MOUNTS = 10,
	RT_E_NO_NSM = 11,
	RT_E_NSM = 12,
	RT_E_ENTROPY = 13,
	RT_E_HEARTBEAT = 14,
	RT_E_RAMDISK1 = 15,   /* ramdisk 1 breaks its format */
	RT_E_CONFIG = 16,     /* the measured config breaks its format */
	RT_E_MEMORY = 17,     /* the image needs more memory than there is */
	RT_E_UNPACK = 18,     /* writing the tree failed */
	RT_E_INCOMPLETE = 19, /* not everything arrived that the measured config announces */
	RT_E_LOOPBACK = 20,
	RT_E_ISOLATION = 21, /* the application's namespaces or mounts */
	RT_E_START = 22,     /* the application cannot be started */
	RT_E_LOST = 23,      /* what became of the application cannot be known */
	RT_E_DATAPLANE = 24, /* it does not start, has ended, or breaks the form */
	RT_E_EGRESS = 25,    /* the device for egress */
	RT_E_CLOCK = 26,
	RT_E_KEYPLANE = 28, /* it does not start, or has ended */
	RT_E_EARLY = 27,    /* told to stop before the application was started */
	RT_E_SECRETS = 29,  /* one that is required did not come */
};

SS_NONNULL SS_PRINTF(2, 3) void rt_say(enum rt_phase phase, const char *fmt, ...);
/* Says "rt:E… message" and ends the machine. */
SS_NORETURN SS_NONNULL void rt_stop(enum rt_stop_code code, const struct ss_err *err);
/* Ends the machine: an enclave has nothing to be switched off, so this is a reset. */
SS_NORETURN void rt_end(void);
