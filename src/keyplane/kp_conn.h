/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "fmt/key_link.h"
#include "keyplane/kp_limits.h"
#include "keyplane/kp_nsm.h"
#include "keyplane/kp_secret.h"
#include "keyplane/kp_tls.h"
#include "keyplane/kp_watch.h"

/*
 * A connection of the network: the handshake, then either the attestation service, or secrets, or
 * bytes to and from the application. At most a record is held each way for a slow reader: nothing
 * more is read before it went. Here are its beginning, its end and its wire; kp_turn.h moves it on.
 *
 * A connection is allocated when dataplane hands it over, up to a number fixed at start, and freed
 * at the end of the round in which it ended.
 */
enum kp_stage {
	KP_C_SHAKE,
	KP_C_LOOK,   /* may be a request for a document, may be the application's */
	KP_C_HEAD,   /* of the service */
	KP_C_NSM,    /* waits for a document */
	KP_C_BODY,   /* a secret */
	KP_C_REPLY,  /* until it is sent and the client has gone */
	KP_C_APP,    /* dataplane was asked for the application's end */
	KP_C_STREAM, /* bytes */
};

/* Of the client's bytes, not yet answered: what it asks for without reading the answers. */
#define KP_MAX_OUT (2 * KP_RECORD)

struct kp;

struct kp_conn {
	struct kp_conn *prev, *next; /* of all */
	struct kp_conn *after; /* of those that go on in the next round, or of those that ended */
	struct kp_watch net, app;
	struct kp_waiter waiter;
	struct kp_stream *tls;
	struct kp_value *value; /* BODY: what is received */
	uint64_t id;
	uint64_t until_ms;   /* of what it waits for */
	uint64_t service_ms; /* the service: of the whole */
	uint64_t in, out;    /* bytes to the application, and from it */
	enum kp_stage stage;
	enum kp_over why; /* the service: what it is counted as */
	uint8_t listener;
	bool is_again;
	bool has_next;  /* `held` may hold another request */
	bool in_ended;  /* the client said its last; the application was told */
	bool app_ended; /* and the other way round */
	bool net_shut;
	uint8_t nonce[KP_NONCE];
	size_t at, n; /* of `held` */
	uint8_t held[KP_RECORD];
};

struct kp_conns {
	struct kp_conn *all;
	struct kp_conn *again;
	struct kp_conn *gone;
	struct kp_conn *by_slot[KP_LINK_SLOTS]; /* the lower half of the id */
	uint32_t n, max;
	uint32_t shaking;
};

/* What one step came to. */
enum kp_step { KP_WENT, KP_STOPPED, KP_OVER };

SS_NONNULL void kp_conns_init(struct kp_conns *c, uint64_t memory);
SS_NONNULL void kp_conns_free_gone(struct kp *k);

/* True where dataplane may give a new one this id. */
SS_MUST_CHECK SS_NONNULL bool kp_conn_can_be(const struct kp *k, uint64_t id);
/* In its handshake, as yet without a stream; never NULL. fd is the connection's. */
SS_MUST_CHECK SS_NONNULL struct kp_conn *kp_conn_begin(struct kp *k, const struct kp_link_head *h,
						       int fd);
/* NULL: it is over. */
SS_MUST_CHECK SS_NONNULL struct kp_conn *kp_conn_find(const struct kp *k, uint64_t id);
/*
 * dataplane is told; c->tls is NULL then, and c is freed with those that have gone. `reset`:
 * whoever is at an end must not take what came so far for all.
 */
SS_NONNULL void kp_conn_end(struct kp *k, struct kp_conn *c, enum kp_over why, bool reset);

/* To the client, what there is for it. */
SS_MUST_CHECK SS_NONNULL enum kp_step kp_conn_send(struct kp *k, struct kp_conn *c);
/* From the client, only when nothing plain is left of what came before. */
SS_MUST_CHECK SS_NONNULL enum kp_step kp_conn_recv(struct kp *k, struct kp_conn *c);
/* dataplane dials, with its retries while the application starts. */
SS_NONNULL void kp_conn_want_app(struct kp *k, struct kp_conn *c);
