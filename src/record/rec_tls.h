/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"
#include "base/err.h"

#include <sys/types.h>

/*
 * TLS towards the steps: an authority that lives as long as one recorder, and certificates of its
 * own for whatever host a step asks for. Its key is random, never leaves memory and signs nothing
 * afterwards; its certificate is for the trust stores that a step sees, never for the image. The
 * certificates hold from 1970 to 2100, for a step's clock may stand anywhere.
 */
struct rec_authority;

/* The subject of its certificate, and the issuer of each that it makes. */
#define REC_AUTHORITY_NAME "selfsame: recorder of one build"

SS_MUST_CHECK struct rec_authority *rec_authority_new(struct ss_err *err); /* NULL = failed */
void rec_authority_free(struct rec_authority *a);
/* Its certificate in PEM, appended. */
SS_MUST_CHECK SS_NONNULL int rec_authority_pem(const struct rec_authority *a, struct ss_buf *ret,
					       struct ss_err *err);
/* The same as a trust store for Java. */
SS_MUST_CHECK SS_NONNULL int rec_authority_jks(const struct rec_authority *a, struct ss_buf *ret,
					       struct ss_err *err);

struct rec_tls;

/* The handshake, on a socket that blocks, as `host` (a name or an address). NULL = failed. */
SS_MUST_CHECK SS_NONNULL struct rec_tls *
rec_tls_accept(const struct rec_authority *a, const char *host, int fd, struct ss_err *err);
void rec_tls_free(struct rec_tls *t);
/* As recv() and send(): at most INT_MAX bytes; 0 or less = the end, or a failure. */
SS_MUST_CHECK SS_NONNULL ssize_t rec_tls_read(struct rec_tls *t, uint8_t *p, size_t n);
SS_MUST_CHECK SS_NONNULL ssize_t rec_tls_write(struct rec_tls *t, struct ss_span s);
/* After 0 or less, on a socket that does not block: it only waits; else it is over. */
SS_MUST_CHECK SS_NONNULL bool rec_tls_waits(const struct rec_tls *t);
/* True if the step offered HTTP/2 and not HTTP/1.1. */
SS_MUST_CHECK SS_NONNULL bool rec_tls_is_h2(const struct rec_tls *t);
