/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

/*
 * The system calls that the application has not, a second fence behind a kernel that mostly lacks
 * them too (docs/formats/kernel.md): other ABIs end the process; sockets are unix, IPv4, IPv6 and
 * netlink; what is a large piece of kernel and of no use to a service answers as if it were not
 * there. All else is left to the kernel's own rules, so ordinary programs notice nothing.
 */
struct rt_bpf {
	uint16_t code;
	uint8_t jt;
	uint8_t jf;
	uint32_t k;
};
#define RT_FILTER_MAX 128u

/* What a filter of the kernel is asked: struct seccomp_data. */
struct rt_call {
	int32_t nr;
	uint32_t arch;
	uint64_t ip;
	uint64_t args[6];
};

/* The program for the architecture this is compiled for; returns its length. */
SS_NONNULL size_t rt_filter_make(struct rt_bpf ret[RT_FILTER_MAX]);
/* Puts it over this process and all that it becomes. Needs no_new_privs, or every capability in its
 * user namespace. */
SS_MUST_CHECK SS_NONNULL int rt_filter_apply(struct ss_err *err);
