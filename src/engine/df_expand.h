/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "config/field.h"

/*
 * What ARG before the first FROM gives to FROM: $NAME, ${NAME}, ${NAME:-word}, ${NAME:+word} and
 * both without the colon; quotes and the escape character. Other forms are refused rather than
 * guessed.
 */

/* The text of a word, appended to `ret` without a NUL. Names not in `vars` are unset. */
SS_MUST_CHECK SS_NONNULL int df_expand(struct ss_span word, char escape,
				       const struct cfg_pairs *vars, struct ss_buf *ret,
				       struct ss_err *err);
