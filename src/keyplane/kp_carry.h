/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "keyplane/kp_conn.h"

/*
 * Bytes between a client and the application, both ways, and their ends: a step of a connection in
 * KP_C_STREAM.
 */
SS_MUST_CHECK SS_NONNULL enum kp_step kp_carry(struct kp *k, struct kp_conn *c);
