/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/sh_lex.h"

#include <stdlib.h>
#include <string.h>

/* Words and commands lie within the script and refer only to what is there. The words of a command
 * without substitutions, written again in single quotes, are read as the same words. What is
 * refused says why and where. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct sh_script *s, size_t size)
{
	for (size_t i = 0; i < s->n_words; i++) {
		const struct sh_word *w = &s->words[i];

		if (w->at > w->end || w->end > size || w->text + (size_t)w->n >= s->texts.n ||
		    s->texts.p[w->text + w->n] != '\0')
			abort();
	}
	for (size_t i = 0; i < s->n_cmds; i++) {
		const struct sh_cmd *c = &s->cmds[i];

		if (c->first + (size_t)c->n > s->n_words || c->at > size ||
		    (c->parent != SH_NONE && c->parent >= i) ||
		    (c->piped_from != SH_NONE && c->piped_from >= i))
			abort();
	}
}

static void put_quoted(struct ss_buf *b, struct ss_span s)
{
	ss_buf_put(b, (struct ss_span){ (const uint8_t *)" '", 2 });
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\'')
			ss_buf_put(b, (struct ss_span){ (const uint8_t *)"'\\'", 3 });
		ss_buf_put(b, (struct ss_span){ s.p + i, 1 });
	}
	ss_buf_put(b, (struct ss_span){ (const uint8_t *)"'", 1 });
}

/* `quoted` is of `s`: the same words, in one command. */
static void check_again(const struct sh_script *s, const struct sh_cmd *c, struct ss_span quoted)
{
	struct sh_script back;
	struct ss_err err = { 0 };

	if (sh_read(quoted, &back, &err) < 0 || back.n_cmds != 1 || back.n_words != c->n)
		abort();
	for (uint32_t k = 0; k < c->n; k++) {
		const struct sh_word *a = &s->words[c->first + k], *b = &back.words[k];

		if (a->n != b->n || memcmp(sh_text(s, a), sh_text(&back, b), a->n) != 0)
			abort();
	}
	sh_script_done(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sh_script s;
	struct ss_err err = { 0 };

	if (sh_read((struct ss_span){ data, size }, &s, &err) < 0) {
		if ((err.code != SS_EINPUT && err.code != SS_ELIMIT) || err.msg[0] == '\0' ||
		    s.bad_at > size)
			abort();
		return 0;
	}
	check(&s, size);
	for (size_t i = 0; i < s.n_cmds && i < 4; i++) {
		AUTO_BUF struct ss_buf b = SS_BUF_INIT(SH_SCRIPT_MAX);
		const struct sh_cmd *c = &s.cmds[i];

		for (uint32_t k = 0; k < c->n; k++)
			put_quoted(&b, (struct ss_span){ s.texts.p + s.words[c->first + k].text,
							 s.words[c->first + k].n });
		if (c->n > 0 && !b.bad)
			check_again(&s, c, ss_buf_span(&b));
	}
	sh_script_done(&s);
	return 0;
}
