/* SPDX-License-Identifier: Apache-2.0 */
#include "config/lock_step.h"

#include "base/hex.h"
#include "base/mem.h"
#include "base/show.h"
#include "base/sort.h"
#include "base/text.h"
#include "crypto/hash.h"

#include <inttypes.h>
#include <string.h>

#define HASH_TEXT (2 * CRYPTO_SHA256_SIZE + 1)

static int check_run(const struct toml_node *v, void *base, const char *name, struct ss_err *err)
{
	(void)base;
	if (strlen(v->text) <= CFG_STEP_RUN_MAX)
		return 0;
	return ss_fail(err, SS_ELIMIT, "line %u: '%s' is %zu bytes; the limit is %u", v->line, name,
		       strlen(v->text), CFG_STEP_RUN_MAX);
}

#define STEP_AT(member) offsetof(struct cfg_step, member)

const struct cfg_field cfg_step_fields[] = {
	{ .key = "level",
	  .kind = CFG_TEXT,
	  .at = STEP_AT(level),
	  .need = true,
	  .choices = "light full" },
	{ .key = "number",
	  .kind = CFG_NUM,
	  .at = STEP_AT(number),
	  .need = true,
	  .min = 1,
	  .max = UINT32_MAX },
	{ .key = "run", .kind = CFG_TEXT, .at = STEP_AT(run), .need = true, .check = check_run },
	{ .key = "sha256",
	  .kind = CFG_TEXT,
	  .at = STEP_AT(sha256),
	  .need = true,
	  .check = cfg_check_sha256 },
	CFG_FIELDS_END,
};

static void hash_line(const char *line, char ret[HASH_TEXT])
{
	uint8_t hash[CRYPTO_SHA256_SIZE];

	crypto_hash_once(CRYPTO_SHA256, ss_text(line), hash);
	ss_hex((struct ss_span){ hash, sizeof(hash) }, ret);
}

/* The beginning, whole characters. What is no text at all is shown as such. */
static void begin_of(const char *line, char ret[CFG_STEP_RUN_MAX + 1])
{
	size_t n = strnlen(line, CFG_STEP_RUN_MAX);

	/* A byte that goes on belongs to a character that was begun before it. */
	while (n > 0 && line[n] != '\0' && ((unsigned char)line[n] & 0xc0) == 0x80)
		n--;
	memcpy(ret, line, n);
	ret[n] = '\0';
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)ret[i] < ' ' || ret[i] == 0x7f)
			ret[i] = ' ';
	if (n == 0 || !ss_is_text((struct ss_span){ (const uint8_t *)ret, n }))
		(void)snprintf(ret, CFG_STEP_RUN_MAX + 1, "?");
}

void cfg_steps_add(struct cfg_list *l, uint64_t number, const char *line, bool light)
{
	struct cfg_step *v = l->v;
	char run[CFG_STEP_RUN_MAX + 1], hash[HASH_TEXT];

	if (l->n == CFG_STEPS_MAX) /* what is not listed is full */
		return;
	begin_of(line, run);
	hash_line(line, hash);
	v = ss_reallocarray(v, l->n + 1, sizeof(*v));
	v[l->n] = (struct cfg_step){ .number = number };
	cfg_text_set(&v[l->n].level, light ? "light" : "full");
	cfg_text_set(&v[l->n].run, run);
	cfg_text_set(&v[l->n].sha256, hash);
	l->v = v;
	l->n++;
}

const struct cfg_step *cfg_steps_find(const struct cfg_list *l, uint64_t number)
{
	const struct cfg_step *v = l->v;

	for (size_t i = 0; i < l->n; i++)
		if (v[i].number == number)
			return &v[i];
	return NULL;
}

bool cfg_steps_light(const struct cfg_list *l, uint64_t number, const char *line)
{
	const struct cfg_step *s = cfg_steps_find(l, number);
	char hash[HASH_TEXT];

	hash_line(line, hash);
	return s != NULL && strcmp(s->sha256, hash) == 0 && strcmp(s->level, "light") == 0;
}

struct row {
	struct cfg_step step;
	size_t at;
};

/* Total, though twins are about to be refused. */
static int by_number(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->step.number != y->step.number)
		return x->step.number < y->step.number ? -1 : 1;
	return x->at < y->at ? -1 : 1;
}

int cfg_steps_sort(struct cfg_list *l, struct ss_err *err)
{
	struct cfg_step *v = l->v;
	AUTO_FREE struct row *rows = NULL;

	if (l->n == 0)
		return 0;
	rows = ss_calloc(l->n, sizeof(*rows));
	for (size_t i = 0; i < l->n; i++)
		rows[i] = (struct row){ v[i], i };
	ss_sort(rows, l->n, sizeof(*rows), by_number);
	for (size_t i = 0; i < l->n; i++)
		v[i] = rows[i].step;
	for (size_t i = 1; i < l->n; i++)
		if (v[i - 1].number == v[i].number)
			return ss_fail(err, SS_EINPUT, "two steps are number %" PRIu64,
				       v[i].number);
	return 0;
}

void cfg_steps_done(struct cfg_list *l)
{
	struct cfg_step *v = l->v;

	for (size_t i = 0; i < l->n; i++)
		cfg_fields_done(cfg_step_fields, &v[i]);
	free(l->v);
	*l = (struct cfg_list){ 0 };
}
