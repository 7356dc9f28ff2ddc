/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "fmt/measured.h"
#include "keyplane/kp_conn.h"
#include "keyplane/kp_count.h"
#include "keyplane/kp_kms.h"
#include "keyplane/kp_local.h"
#include "keyplane/kp_nsm.h"
#include "keyplane/kp_secret.h"
#include "keyplane/kp_tell.h"
#include "keyplane/kp_tls.h"

/*
 * keyplane: the program that has the TLS key and nothing else (docs/decisions/0020). dataplane
 * gives it connections of attested ingresses, and, for those that are not for the attestation
 * service, the application's ends; it carries their bytes through TLS, and asks the NSM for
 * documents.
 *
 * There is one; everything in it belongs to it. Calls go one way, from the last of these to the
 * first: kp_watch, kp_tell, kp_count, kp_query, kp_kms, kp_conn and what is pure; kp_service,
 * kp_carry, kp_local; kp_turn; kp_link; kp_loop; kp_start (tests/keyplane/one_way.py).
 */

/* Of the measured ingresses, by their index; `alpn` borrows from the config. */
struct kp_listener {
	bool is_attested;
	bool http;
	struct mc_list alpn;
};

struct kp {
	int epoll_fd;
	uint64_t now_ms; /* monotonic, of this round */
	uint64_t swept_ms;
	struct kp_tls *tls;
	struct kp_nsm nsm;
	struct kp_peer link;
	struct ss_buf chain; /* of certificates, as it comes from dataplane part by part */
	struct kp_counts counts;
	struct kp_conns conns;
	struct kp_locals locals;
	struct kp_kms kms;
	struct kp_secrets secrets;
	struct kp_listener listeners[MC_MAX_INGRESS];
	size_t n_listeners;
	uint8_t scratch[KP_RECORD];
};

struct kp_start {
	int link;           /* the pair to dataplane */
	int init;           /* the pair to init, for secrets; -1: there are none */
	int local;          /* the listening socket of the application; -1: none */
	int keys;           /* the pair to its keys for KMS (kp_keys.h); -1: none, as is local */
	uint32_t least_uid; /* whose users begin here */
	uint64_t memory;    /* of the enclave, in bytes */
	const struct kp_listener *listeners;
	size_t n_listeners;
	struct mc_list secrets;
};

SS_MUST_CHECK SS_NONNULL int kp_start(struct kp *k, const struct kp_start *s, struct ss_err *err);
/*
 * Makes the key, which takes entropy of the NSM, says READY to dataplane, and serves until
 * something fails, which is the end of the enclave.
 */
SS_NONNULL int kp_run(struct kp *k, struct ss_err *err);
