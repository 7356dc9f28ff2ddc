/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/*
 * Every maximum and time-out of dataplane, with its reason; docs/formats/vsock.md has them for
 * users. Nothing grows past these, whatever the host or the application does. A connection takes
 * two descriptors: with fewer than DP_FILES, the pools shrink in proportion (dp_start.c).
 */

/* Ingress: connections in all, and through one listener, so that one leaves room for the others. */
#define DP_MAX_CONNS 12288u
#define DP_MAX_PER_LISTENER 10240u
/* Egress: TCP connections, and UDP flows: stub resolvers and QUIC clients. */
#define DP_MAX_TCP 4096u
#define DP_MAX_UDP 1024u
/* One UDP slot in so many is kept free: what one turn of the TUN device can ask for. */
#define DP_UDP_SPARE 16u
/* Addresses that stand for turned-round connections, of which most are over and wait for late
 * packets. A power of two: 14 bits of the address (dp_nat.h). */
#define DP_MAX_FLOWS 16384u
/* Names that have an address. A power of two: 12 bits of the address (dp_names.h). */
#define DP_MAX_NAMES 4096u
/* Questions of other types that the host was asked and has not answered. */
#define DP_MAX_QUESTIONS 256u
/* TCP connections to the resolver: for answers that are too long for UDP. */
#define DP_MAX_DNS_TCP 16u

/* Pipes that hold what a slow reader has not taken: 64 KiB each while it does not. When all are
 * in use, bytes go through without being held at all (dp_pair.c), so nobody waits for one. 16384
 * pages is what Linux lets a user hold in pipes: fs.pipe-user-pages-soft. */
#define DP_PIPES 256u
#define DP_PIPE_SIZE 65536u
/* What is copied at once; a read of so many says that more is to come. */
#define DP_COPY_BYTES 16384u
/* Bytes and packets that one connection or the TUN device may move before others have their turn.
 */
#define DP_TURN_BYTES ((size_t)1024 * 1024)
#define DP_TURN_PACKETS 64u
#define DP_TURN_ACCEPTS 64u

/* Descriptors: conns, TCP and DNS twice, UDP, pipes twice, listeners and the rest. */
#define DP_FILES_REST 256u
#define DP_FILES                                                                                   \
	(2 * (DP_MAX_CONNS + DP_MAX_TCP + DP_MAX_DNS_TCP + DP_PIPES) + DP_MAX_UDP + DP_FILES_REST)

#define DP_LOG_RING ((size_t)256 * 1024)
/* Lines of dataplane's own on what it refuses: so many at once, then one in so many ms. */
#define DP_REFUSED_BURST 50u
#define DP_REFUSED_EVERY_MS 200u

/* Time-outs, ms. */
#define DP_HELLO_MS 10000u      /* a control stream that says nothing */
#define DP_HEADER_MS 5000u      /* a PROXY header, which the host sends at once */
#define DP_CONNECT_MS 10000u    /* the application takes an ingress connection */
#define DP_RETRY_MS 50u         /* it is starting and refuses: asked again until DP_CONNECT_MS */
#define DP_REST_MS 100u         /* nobody is accepted: the system has no descriptors */
#define DP_IDLE_MS 3600000u     /* a connection over which nothing goes */
#define DP_HALF_MS 600000u      /* the same, when one side has said that it is done */
#define DP_UDP_IDLE_MS 120000u  /* RFC 4787, REQ-5 */
#define DP_OPEN_MS 60000u       /* the host opens an egress stream: a connect() of its own */
#define DP_WAIT_HOST_MS 10000u  /* a connection made before the host said HELLO */
#define DP_TAKE_MS 10000u       /* the application takes the connection that it asked for */
#define DP_HELLO_TLS_MS 10000u  /* the rest of a ClientHello */
#define DP_LINGER_MS 300000u    /* late packets of a connection that is over */
#define DP_QUESTION_MS 5000u    /* the host answers a DNS question: what stubs wait */
#define DP_NAME_TTL 60u         /* s: what our answers say */
#define DP_NAME_HOLD_MS 600000u /* an address is not given to another name for so long */
#define DP_FLUSH_MS 1000u       /* the host takes the last lines (plane.h) */
#define DP_TIME_MS 1000u        /* no more than one time of the host is passed on in */
#define DP_FIRST_CHECK_MS 50u   /* health while starting: doubles up to the interval */
