/* SPDX-License-Identifier: Apache-2.0 */
#include "config/lock_input.h"

#include "base/mem.h"
#include "base/show.h"
#include "base/sort.h"

#include <assert.h>
#include <string.h>

static const char token_bytes[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz";

static struct ss_span span_of(const char *s)
{
	return (struct ss_span){ (const uint8_t *)s, strlen(s) };
}

/* --- what a value may be --------------------------------------------------------------------- */

bool cfg_is_input_url(const char *s)
{
	const char *host = strncmp(s, "http://", 7) == 0    ? s + 7
			   : strncmp(s, "https://", 8) == 0 ? s + 8
							    : NULL;
	const char *path;

	if (host == NULL || strlen(s) > CFG_INPUT_URL_MAX)
		return false;
	path = strchr(host, '/');
	if (path == NULL || path == host)
		return false;
	for (const char *p = host; p < path; p++)
		if (strchr("0123456789abcdefghijklmnopqrstuvwxyz.-_:[]", *p) == NULL)
			return false;
	for (const char *p = path; *p != '\0'; p++)
		if (*p <= ' ' || *p > '~' || strchr("\"<>\\^`{|}#", *p) != NULL)
			return false;
	return true;
}

static int check_url(const struct toml_node *v, void *base, const char *name, struct ss_err *err)
{
	(void)base;
	if (cfg_is_input_url(v->text))
		return 0;
	return ss_fail(err, SS_EINPUT,
		       "line %u: '%s' must be an http or https URL in its plain form, not '%s'",
		       v->line, name, SS_SHOW(span_of(v->text)));
}

/* "name: value": lower case, no blanks around the value, nothing that could end a line. */
static bool is_header(const char *s)
{
	const size_t name = strspn(s, token_bytes);
	const char *value = s + name + 2;

	if (name == 0 || strlen(s) > CFG_INPUT_HEADER_MAX || strncmp(s + name, ": ", 2) != 0)
		return false;
	if (*value == '\0' || *value == ' ' || value[strlen(value) - 1] == ' ')
		return false;
	for (const char *p = value; *p != '\0'; p++)
		if (*p < ' ' || *p > '~')
			return false;
	return true;
}

static int check_headers(const struct toml_node *v, void *base, const char *name,
			 struct ss_err *err)
{
	(void)base;
	for (size_t i = 0; i < v->n; i++) {
		const struct toml_node *one = v->kids[i];

		if (!is_header(one->text))
			return ss_fail(err, SS_EINPUT,
				       "line %u: '%s' holds what is no header: '%s'", one->line,
				       name, SS_SHOW(span_of(one->text)));
		if (i > 0 && strcmp(v->kids[i - 1]->text, one->text) >= 0)
			return ss_fail(err, SS_EINPUT, "line %u: '%s' is not sorted", one->line,
				       name);
	}
	return 0;
}

static int check_type(const struct toml_node *v, void *base, const char *name, struct ss_err *err)
{
	(void)base;
	for (const char *p = v->text; *p != '\0'; p++)
		if (*p < ' ' || *p > '~')
			return ss_fail(err, SS_EINPUT, "line %u: '%s' must be a media type",
				       v->line, name);
	return 0;
}

#define INPUT_AT(member) offsetof(struct cfg_input, member)

const struct cfg_field cfg_input_fields[] = {
	{ .key = "headers",
	  .kind = CFG_TEXTS,
	  .at = INPUT_AT(headers),
	  .max = CFG_INPUT_HEADERS_MAX,
	  .check = check_headers },
	{ .key = "key", .kind = CFG_TEXT, .at = INPUT_AT(key), .check = cfg_check_sha256 },
	{ .key = "method",
	  .kind = CFG_TEXT,
	  .at = INPUT_AT(method),
	  .need = true,
	  .choices = "GET HEAD POST" },
	{ .key = "sha256", .kind = CFG_TEXT, .at = INPUT_AT(sha256), .check = cfg_check_sha256 },
	{ .key = "size", .kind = CFG_NUM, .at = INPUT_AT(size), .need = true, .max = INT64_MAX },
	{ .key = "status",
	  .kind = CFG_NUM,
	  .at = INPUT_AT(status),
	  .need = true,
	  .min = 200,
	  .max = 599 },
	{ .key = "turn", .kind = CFG_NUM, .at = INPUT_AT(turn), .min = 2, .max = UINT32_MAX },
	{ .key = "type", .kind = CFG_TEXT, .at = INPUT_AT(type), .check = check_type },
	{ .key = "url", .kind = CFG_TEXT, .at = INPUT_AT(url), .need = true, .check = check_url },
	CFG_FIELDS_END,
};

/* --- the list ----------------------------------------------------------------------------------
 */

/* NULL before all others. */
static int compare_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? (a != NULL) - (b != NULL) : strcmp(a, b);
}

int cfg_input_compare(const struct cfg_input *a, const struct cfg_input *b)
{
	int d = strcmp(a->url, b->url);

	if (d == 0)
		d = strcmp(a->method, b->method);
	if (d == 0)
		d = compare_text(a->key, b->key);
	return d != 0 ? d : a->turn < b->turn ? -1 : a->turn > b->turn;
}

void cfg_inputs_add(struct cfg_list *l, const struct cfg_input *in)
{
	struct cfg_input *v = l->v;
	struct cfg_input *to;

	if ((l->n & (l->n - 1)) == 0) /* room for 1, 2, 4, 8 … */
		v = ss_reallocarray(v, l->n == 0 ? 1 : l->n * 2, sizeof(*v));
	l->v = v;
	to = &v[l->n++];
	*to = (struct cfg_input){ .size = in->size, .status = in->status, .turn = in->turn };
	cfg_text_set(&to->key, in->key);
	cfg_text_set(&to->method, in->method);
	cfg_text_set(&to->sha256, in->sha256);
	cfg_text_set(&to->type, in->type);
	cfg_text_set(&to->url, in->url);
	for (size_t i = 0; i < in->headers.n; i++)
		cfg_texts_push(&to->headers, in->headers.v[i]);
}

struct row {
	struct cfg_input in;
	size_t at;
};

/* Total, though twins are about to be refused. */
static int by_order(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	const int d = cfg_input_compare(&x->in, &y->in);

	return d != 0 ? d : x->at < y->at ? -1 : 1;
}

int cfg_inputs_sort(struct cfg_list *l, struct ss_err *err)
{
	struct cfg_input *v = l->v;
	AUTO_FREE struct row *rows = NULL;

	if (l->n == 0)
		return 0;
	rows = ss_calloc(l->n, sizeof(*rows));
	for (size_t i = 0; i < l->n; i++)
		rows[i] = (struct row){ v[i], i };
	ss_sort(rows, l->n, sizeof(*rows), by_order);
	for (size_t i = 0; i < l->n; i++)
		v[i] = rows[i].in;
	for (size_t i = 1; i < l->n; i++)
		if (cfg_input_compare(&v[i - 1], &v[i]) == 0)
			return ss_fail(err, SS_EINPUT, "two inputs are %s '%s'", v[i].method,
				       SS_SHOW(span_of(v[i].url)));
	return 0;
}

void cfg_inputs_done(struct cfg_list *l)
{
	struct cfg_input *v = l->v;

	for (size_t i = 0; i < l->n; i++)
		cfg_fields_done(cfg_input_fields, &v[i]);
	free(l->v);
	*l = (struct cfg_list){ 0 };
}
