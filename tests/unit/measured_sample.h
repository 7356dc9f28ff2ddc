/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "expect.h"
#include "fmt/measured.h"

/* A config with something in every list; the lists' bytes live as long as the group. */
struct sample {
	struct ss_buf argv, env, groups, alpn, ingress, egress, secrets, xattrs;
	struct mc_config c;
};

void sample_init(struct sample *s);
void sample_done(struct sample *s);

struct ss_span text(const char *s);
struct mc_list list(const struct ss_buf *b, size_t n);
/* Writes and reads it: refused with this message, which may say a place besides; or taken. */
void expect_refused(const struct mc_config *c, enum ss_code code, const char *msg);
void expect_taken(const struct mc_config *c);
