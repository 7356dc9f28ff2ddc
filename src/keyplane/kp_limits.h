/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/*
 * Every maximum and time-out of keyplane, with its reason; docs/formats/endpoint.md has them for
 * users. OpenSSL needs a heap, so the bound is on what may ask for it: connections, and RLIMIT_DATA
 * behind them.
 */

/* One eighth of the enclave's memory for connections at their fullest, but never fewer than the
 * least, which 6 MiB hold, nor more than dataplane can pass on. */
#define KP_MEMORY_SHARE 8u
#define KP_CONN_BYTES ((size_t)96 * 1024)
#define KP_MIN_CONNS 64u
#define KP_MAX_CONNS 4096u
/* Of these, one in so many may be in its handshake: clients that stall leave room for others. */
#define KP_HANDSHAKE_SHARE 4u
/* Connections of the application to attest.sock. */
#define KP_MAX_LOCAL 64u

/* Values that are received at a time; only who is named in the measured config can take a place. */
#define KP_SECRETS_AT_ONCE 4u

/* A client's certificate, with what it sends along. */
#define KP_MAX_CLIENT_CERTS ((size_t)16 * 1024)

/* Keys that KMS may still encrypt to: it takes documents of the last five minutes. */
#define KP_RECIPIENTS 16u
/* Of these, so many may have no document yet; half of them are for what was given. */
#define KP_KMS_MAKING 8u

/* Requests for documents that wait, of the network and of the application each. */
#define KP_MAX_WAITING 256u
/* After a call of t ms the NSM is left alone for so many times t: what a thread that waits for it
 * has left for the bytes. */
#define KP_NSM_REST 3u

/* One TLS record each way is held for a slow reader; a turn moves so many bytes. */
#define KP_RECORD ((size_t)16 * 1024)
#define KP_TURN_BYTES ((size_t)64 * 1024)

/* The certificate chain that the host hands in, and one part of it. */
#define KP_MAX_CHAIN ((size_t)16 * 1024)
#define KP_MAX_CHAIN_CERTS 8u

/* Time-outs, ms. */
#define KP_HANDSHAKE_MS 10000u
#define KP_HEAD_MS 10000u      /* a request of the service, or what may become one */
#define KP_LOCAL_HEAD_MS 5000u /* the same of the application */
#define KP_SERVICE_MS 30000u   /* a connection to the service, whole */
#define KP_WAIT_NSM_MS 5000u   /* in the queue; then 503 */
#define KP_KEYS_MS 120000u     /* for the keys of KMS, with many before it; then 503 */
#define KP_APP_MS 11000u       /* dataplane answers WANT: its own DP_CONNECT_MS and a second */
#define KP_IDLE_MS 3600000u    /* as DP_IDLE_MS */
#define KP_HALF_MS 600000u     /* as DP_HALF_MS */
