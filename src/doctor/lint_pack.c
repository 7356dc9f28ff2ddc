/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/lint_step.h"

#include <string.h>

/* What a step packs, and the order in which it does. */

static bool is(const char *a, const char *b)
{
	return a != NULL && strcmp(a, b) == 0;
}

/* The old spelling too: tar cf, jar cvf. */
static bool has_mode(const struct lint_cmd *c, char letter)
{
	const char *first = c->argc > 1 ? c->argv[1] : "";

	return lint_has_letter(c, letter) || (first[0] != '-' && strchr(first, letter) != NULL &&
					      strspn(first, "cxtruvfzjJ0meMiPp") == strlen(first));
}

static const char *reader_of(const struct lint_cmd *c)
{
	const uint32_t i = c->s->readers[c->index];

	return i != SH_NONE ? lint_name_of(c->s, i) : "";
}

static void look_at_tar(const struct lint_cmd *c)
{
	if (!has_mode(c, 'c') && !lint_has(c, "--create"))
		return;
	if (has_mode(c, 'x') || is(reader_of(c), "tar")) /* tar c | tar x only copies */
		return;
	if (!lint_has(c, "--sort") || !lint_has(c, "--mtime"))
		lint_say(c, LINT_ARCHIVE_TAR);
}

static void look_at_gzip(const struct lint_cmd *c)
{
	size_t i = 1;

	if (lint_has_letter(c, 'n') || lint_has(c, "--no-name") || lint_has_letter(c, 'd') ||
	    lint_has(c, "--decompress") || lint_has_letter(c, 't') || lint_has_letter(c, 'l'))
		return;
	if (lint_next(c, &i, " -S -p ") != NULL) /* of a pipe it knows no time */
		lint_say(c, LINT_ARCHIVE_GZIP);
}

static void look_at_jar(const struct lint_cmd *c)
{
	const bool creates = has_mode(c, 'c') || lint_has(c, "--create");

	if (creates && !lint_has(c, "--date"))
		lint_say(c, LINT_ARCHIVE_JAR);
}

/* find | cpio, find | xargs tar, find > list: nothing sorts between. */
static void look_at_find(const struct lint_cmd *c)
{
	static const char *const packers[] = { "cpio",      "tar",       "zip", "pax",    "ar",
					       "sha256sum", "sha512sum", "cat", "bsdtar", NULL };

	if (lint_has(c, "-delete") || lint_has(c, "-quit"))
		return;
	if (lint_writes(c) || lint_is_one_of(reader_of(c), packers))
		lint_say(c, LINT_ARCHIVE_FIND);
}

void lint_pack(const struct lint_cmd *c)
{
	const char *name = c->argv[0];

	if (is(name, "tar"))
		look_at_tar(c);
	else if (is(name, "zip")) {
		if (!lint_has_letter(c, 'X'))
			lint_say(c, LINT_ARCHIVE_ZIP);
	} else if (is(name, "jar"))
		look_at_jar(c);
	else if (is(name, "find"))
		look_at_find(c);
	else
		look_at_gzip(c);
}
