/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"

/*
 * The network beside loopback, made only where the measured config allows egress: a TUN device with
 * the addresses of plane_net.h and the default routes over it. What goes into it comes out at
 * dataplane, and nowhere else.
 */

/* *ret_tun is the device's descriptor, for dataplane. */
SS_MUST_CHECK SS_NONNULL int rt_egress_net(int *ret_tun, struct ss_err *err);
