/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"

#include <stdbool.h>

/*
 * The ways out of a network namespace that has nothing but loopback (Linux): sockets through which
 * a process outside hears of all that programs inside try to reach. Every address there is the
 * namespace's own, so a connection to any address and port arrives at one socket, which tells by
 * getsockname() where it was to go. What programs inside say to 127.0.0.0/8, ::1 and to the
 * namespace's own address stays among themselves.
 *
 * Done without packet filters: addresses and two routes through netlink, and a BPF program of the
 * kind sk_lookup (Linux 5.9, CAP_NET_ADMIN and CAP_BPF of the first user namespace).
 */
enum io_door {
	IO_DOOR_PROXY,     /* TCP: who speaks to a proxy, at IO_DOOR_PROXY_URL */
	IO_DOOR_LED,       /* TCP: all others, port 53 too */
	IO_DOOR_NAMES,     /* UDP: to port 53 of any address; tells the address it was for */
	IO_DOOR_DATAGRAMS, /* UDP: to any other port; tells address and port */
	IO_DOOR_LINK,      /* as long as it is open the others are what they are */
	IO_DOORS,
};

#define IO_DOOR_PROXY_URL "http://198.18.0.1:3128"
/* What /etc/resolv.conf is to say; any other address with port 53 is the same. */
#define IO_DOOR_RESOLVER "198.18.0.1"

/*
 * In the network namespace of the calling process, which is new: makes lo what it should be, and
 * the doors. Each is the caller's, or -1. With `led` false only the proxy's (that needs
 * CAP_NET_ADMIN in the namespace and nothing else).
 */
SS_MUST_CHECK SS_NONNULL int io_doors_open(bool led, int ret[IO_DOORS], struct ss_err *err);
SS_NONNULL void io_doors_done(int doors[IO_DOORS]);
