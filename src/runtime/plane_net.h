/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The network that the application sees, beside loopback: one point-to-point device, behind it
 * dataplane. init makes the device and its addresses, dataplane speaks behind it; nothing of it is
 * ever seen outside. Addresses: 198.18.0.0/15 is reserved for benchmarks (RFC 2544), fd53:656c:6673
 * is a unique local prefix (RFC 4193). What is listed here an application cannot reach outside.
 *
 *   own        the application's side of the device
 *   resolver   DNS, UDP and TCP port 53
 *   names      one address stands for one name that the application asked for
 *   flows      who calls PLANE_NET_PORT, dataplane's own listener, when a connection is turned
 *              round to it (dp_nat.h); the application never sees these
 */
#define PLANE_NET_DEVICE "egress"
#define PLANE_NET_MTU 65535

#define PLANE_NET_OWN4 "198.18.0.1"
#define PLANE_NET_RESOLVER4 "198.18.0.2"
#define PLANE_NET_NAMES4 "198.18.16.0" /* up to 198.18.255.255 */
#define PLANE_NET_FLOWS4 "198.19.0.0"  /* a /16 */

#define PLANE_NET_OWN6 "fd53:656c:6673::1"
#define PLANE_NET_RESOLVER6 "fd53:656c:6673::2"
#define PLANE_NET_NAMES6 "fd53:656c:6673:1::" /* a /64 */
#define PLANE_NET_FLOWS6 "fd53:656c:6673:2::" /* a /64 */

/* dataplane listens here on both own addresses; the application cannot bind it on the wildcard. */
#define PLANE_NET_PORT 65053
