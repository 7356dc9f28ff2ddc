/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "fmt/measured.h"

/*
 * The ports at which dataplane calls the application: those of its ingress, and of its health
 * check. They are kept from every connection and datagram socket that lets the kernel choose a port
 * of its own. Without that a call of a port at which nobody listens yet can be given just this port
 * to come from: it is then connected to itself, and the application finds its port taken.
 */
#define RT_PORTS_TEXT ((MC_MAX_INGRESS + 1) * sizeof("65535,"))

/* "8080,7000" in the config's order, a port as often as it is there; "" if there is none. */
SS_NONNULL void rt_ports_put(const struct mc_config *c, char ret[RT_PORTS_TEXT]);
SS_MUST_CHECK SS_NONNULL int rt_ports_keep(const struct mc_config *c, struct ss_err *err);
