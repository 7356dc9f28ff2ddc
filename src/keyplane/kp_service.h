/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "keyplane/kp_conn.h"

/*
 * The attestation service on a connection, and secrets (docs/formats/endpoint.md): its requests and
 * what they are answered. A step of a connection in KP_C_LOOK or _HEAD, _BODY, _REPLY each.
 */
SS_MUST_CHECK SS_NONNULL enum kp_step kp_service_head(struct kp *k, struct kp_conn *c);
SS_MUST_CHECK SS_NONNULL enum kp_step kp_service_body(struct kp *k, struct kp_conn *c);
SS_MUST_CHECK SS_NONNULL enum kp_step kp_service_end(struct kp *k, struct kp_conn *c);
/* It left the queue of the NSM: for a document, or with its time over. */
SS_NONNULL void kp_service_document(struct kp *k, struct kp_conn *c);
SS_NONNULL void kp_service_busy(struct kp *k, struct kp_conn *c);
