/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/cur.h"

/*
 * Secrets that a step may have made. With randomness from a seed that anyone can read, a key that
 * is made while building is no secret, so such a build must fail (docs/determinism.md).
 *
 * Two ways to know one: by what it is called, and by what is in it. Pure; what it does not know,
 * say a key in a bare binary form, it does not find.
 */

/* By so many bytes two neighbouring pieces of a file must overlap for nothing to be missed. */
#define HM_KEY_OVERLAP ((size_t)128)

/*
 * What a file holds, as words for a message ("a private key"); NULL = nothing that we know. `path`
 * is absolute. `content` is the whole file, or a piece of it; `first` says that it is the
 * beginning.
 */
SS_NONNULL const char *hm_key_kind(const char *path, struct ss_span content, bool first);

/*
 * True if `after`, the text of a shadow file, has a password hash that `before` has not: of another
 * user, or another hash.
 */
bool hm_key_new_password(struct ss_span before, struct ss_span after);
