/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/doc_mend.h"

#include "base/text.h"
#include "engine/df_lines.h"

#include <string.h>

/* What the linter found, mended where a word or a line does it. */

enum how {
	BEHIND, /* the words, which the finding begins with */
	INSTEAD,
	AT_END, /* of the instruction */
	BEFORE, /* it, as a line */
};

#define EPOCH "${SOURCE_DATE_EPOCH:-0}"

struct rule {
	enum lint_code code;
	const char *words; /* "" = any */
	enum how how;
	const char *put;
	const char *needs; /* a file of the context; NULL = none */
	const char *never; /* not where the command has this; NULL = always */
};

static const struct rule rules[] = {
	{ LINT_APT_LISTS, "", AT_END, " && rm -rf /var/lib/apt/lists/*", NULL, NULL },
	{ LINT_APK_CACHE, "apk", BEHIND, " --no-cache", NULL, NULL },
	{ LINT_RPM_CACHE, "dnf", AT_END, " && dnf clean all && rm -rf /var/cache/dnf", NULL, NULL },
	{ LINT_RPM_CACHE, "yum", AT_END, " && yum clean all && rm -rf /var/cache/yum", NULL, NULL },
	{ LINT_RPM_CACHE, "microdnf", AT_END, " && microdnf clean all", NULL, NULL },
	{ LINT_RPM_CACHE, "zypper", AT_END, " && zypper clean --all", NULL, NULL },
	{ LINT_PIP_CACHE, "pip", BEHIND, " --no-cache-dir", NULL, NULL },
	{ LINT_PIP_CACHE, "pip3", BEHIND, " --no-cache-dir", NULL, NULL },
	{ LINT_NPM_CACHE, "", AT_END, " && rm -rf ~/.npm", NULL, NULL },
	{ LINT_YARN_LOCK, "yarn install", BEHIND, " --frozen-lockfile", "yarn.lock", NULL },
	{ LINT_YARN_LOCK, "pnpm install", BEHIND, " --frozen-lockfile", "pnpm-lock.yaml", NULL },
	{ LINT_CARGO_LOCKED, "cargo build", BEHIND, " --locked", "Cargo.lock", NULL },
	{ LINT_CARGO_LOCKED, "cargo install", BEHIND, " --locked", NULL, NULL },
	{ LINT_BUNDLE_LOCK, "", BEFORE, "ENV BUNDLE_FROZEN=true\n", "Gemfile.lock", NULL },
	{ LINT_DOTNET_LOCK, "dotnet restore", BEHIND, " --locked-mode", "packages.lock.json",
	  NULL },
	{ LINT_PYTHON_LOCK, "uv sync", BEHIND, " --locked", "uv.lock", NULL },
	{ LINT_PYTHON_LOCK, "pipenv install", BEHIND, " --deploy", "Pipfile.lock", NULL },
	{ LINT_TIME_DATE, "date", BEHIND, " -u -d @" EPOCH, NULL, " -d" },
	{ LINT_TIME_EPOCH, "", BEFORE, "ARG SOURCE_DATE_EPOCH\n", NULL, NULL },
	{ LINT_ARCHIVE_GZIP, "gzip", BEHIND, " -n", NULL, NULL },
	{ LINT_ARCHIVE_TAR, "tar -", INSTEAD,
	  "tar --sort=name --mtime=@" EPOCH " --owner=0 --group=0 --numeric-owner -", NULL, NULL },
};

/* --- where ---------------------------------------------------------------------------------------
 */

struct place {
	size_t begin; /* of the instruction */
	size_t end;   /* behind its last character; 0 = nothing can stand there */
	bool inside;  /* `at` is in its own text, not in a heredoc's */
};

static size_t place_at(const struct df_instruction *i, size_t nth)
{
	size_t ret;

	memcpy(&ret, i->places.p + nth * sizeof(ret), sizeof(ret));
	return ret;
}

/* The last word that is not blank. */
static size_t last_of(const struct df_instruction *i)
{
	size_t n = i->text.n;

	while (n > 0 && (i->text.p[n - 1] == ' ' || i->text.p[n - 1] == '\t'))
		n--;
	return n;
}

static void look_at(const struct df_instruction *i, size_t at, struct place *ret)
{
	const size_t n = last_of(i);
	const uint8_t last = n > 0 ? i->text.p[n - 1] : 0;

	*ret = (struct place){ .begin = place_at(i, 0) };
	if (i->n_heredocs > 0 || last == ']' || last == ';' || last == '&' || last == '|')
		return;
	ret->inside = at < i->end;
	ret->end = place_at(i, n - 1) + 1;
}

/* The instruction that `at` is in. */
static int find_place(struct ss_span in, size_t at, struct place *ret, struct ss_err *err)
{
	struct df_instruction i = { 0 };
	struct df_source s;
	bool end = false;
	int rc = 0;

	*ret = (struct place){ 0 };
	df_source_init(&s, in);
	do {
		rc = df_next(&s, &i, &end, err);
	} while (rc == 0 && !end && i.end <= at);
	if (rc == 0 && !end && i.text.n > 0 && place_at(&i, 0) <= at)
		look_at(&i, at, ret);
	df_instruction_done(&i);
	return rc;
}

/* --- edits ---------------------------------------------------------------------------------------
 */

static bool ends_word(struct ss_span in, size_t at)
{
	static const char ends[] = " \t\n;)&|`";

	return at == in.n || memchr(ends, in.p[at], sizeof(ends) - 1) != NULL;
}

static bool fits(const struct rule *r, const struct lint_finding *f, struct ss_span in,
		 const struct lint_options *o)
{
	const size_t n = strlen(r->words);

	if (r->code != f->code || f->at > in.n || n > in.n - f->at)
		return false;
	if (n > 0 && (memcmp(in.p + f->at, r->words, n) != 0 ||
		      (r->how != INSTEAD && !ends_word(in, f->at + n))))
		return false;
	if (r->never != NULL &&
	    (strstr(f->words, r->never) != NULL || strstr(f->words, "--date") != NULL))
		return false;
	return r->needs == NULL || (o->has != NULL && o->has(o->ctx, r->needs, ""));
}

/* False: there is no place for it. */
static bool edit_of(const struct rule *r, const struct lint_finding *f, const struct place *p,
		    struct doc_edit *ret)
{
	const size_t n = strlen(r->words);

	switch (r->how) {
	case BEHIND:
		*ret = (struct doc_edit){ f->at + n, 0, NULL };
		return true;
	case INSTEAD:
		*ret = (struct doc_edit){ f->at, n, NULL };
		return true;
	case AT_END:
		*ret = (struct doc_edit){ p->end, 0, NULL };
		return p->inside;
	case BEFORE:
		*ret = (struct doc_edit){ p->begin, 0, NULL };
		return true;
	}
	return false;
}

/* --- does it help? -------------------------------------------------------------------------------
 */

static size_t count(const struct lint_report *r, enum lint_code code)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++)
		n += r->v[i].code == code;
	return n;
}

/* One finding less of the kind, and not one more of any: else the edit did something else. */
static bool helps(const struct doc_patch *p, struct ss_span in, const struct lint_options *o,
		  const struct lint_report *found, enum lint_code code)
{
	AUTO_BUF struct ss_buf text = SS_BUF_INIT(LINT_FILE_MAX);
	struct lint_report now = { 0 };
	struct ss_err ignored = { 0 };
	bool ret;

	doc_patch_text(p, in, &text);
	if (text.bad || lint_read(ss_buf_span(&text), o, &now, &ignored) < 0)
		return false;
	ret = now.left_out == 0 && count(&now, code) < count(found, code);
	for (enum lint_code c = 0; ret && c < LINT_CODES; c++)
		ret = count(&now, c) <= count(found, c);
	lint_report_done(&now);
	return ret;
}

static int mend_one(struct ss_span in, const struct lint_options *o,
		    const struct lint_report *found, const struct lint_finding *f,
		    struct doc_mend *ret, struct ss_err *err)
{
	struct place place;
	struct doc_edit e;

	if (find_place(in, f->at, &place, err) < 0)
		return -1;
	for (size_t i = 0; i < SS_NELEMS(rules); i++) {
		AUTO_DOC_PATCH struct doc_patch alone = { 0 };

		if (!fits(&rules[i], f, in, o) || !edit_of(&rules[i], f, &place, &e))
			continue;
		(void)doc_patch_add(&alone, e.at, e.cut, rules[i].put);
		if (!helps(&alone, in, o, found, f->code))
			continue;
		(void)doc_patch_add(&ret->patch, e.at, e.cut, rules[i].put);
		return 0;
	}
	return 0;
}

int doc_mend_lint(struct ss_span in, const struct lint_options *o, const struct lint_report *found,
		  struct doc_mend *ret, struct ss_err *err)
{
	AUTO_BUF struct ss_buf text = SS_BUF_INIT(LINT_FILE_MAX);
	struct lint_report now = { 0 };

	*ret = (struct doc_mend){ .mended = 0 };
	for (size_t i = 0; i < found->n && i < DOC_MENDS_MAX; i++)
		if (mend_one(in, o, found, &found->v[i], ret, err) < 0) {
			doc_mend_done(ret);
			return -1;
		}
	doc_patch_text(&ret->patch, in, &text);
	if (text.bad || lint_read(ss_buf_span(&text), o, &now, err) < 0) {
		doc_mend_done(ret);
		return ss_fail(err, SS_ELIMIT, "the mended file would be too large");
	}
	ret->by_hand = now.n + now.left_out;
	ret->mended = found->n + found->left_out - ret->by_hand;
	lint_report_done(&now);
	return 0;
}
