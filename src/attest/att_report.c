/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/att_verdict.h"
#include "base/date.h"
#include "base/hex.h"
#include "base/show.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#define MS 1000u

/* --- what both forms say --------------------------------------------------------------------- */

/* "AWS", or "NOT AWS <sha256>". */
#define ROOT_SIZE (sizeof("NOT AWS ") + (size_t)2 * CRYPTO_SHA256_SIZE)

static const char *root_text(const struct att_verdict *v, char ret[ROOT_SIZE])
{
	char hex[2 * CRYPTO_SHA256_SIZE + 1];

	ss_hex((struct ss_span){ v->root.sha256, sizeof(v->root.sha256) }, hex);
	if (v->root.is_aws)
		(void)snprintf(ret, ROOT_SIZE, "AWS");
	else
		(void)snprintf(ret, ROOT_SIZE, "NOT AWS %s", hex);
	return ret;
}

/* --- text ------------------------------------------------------------------------------------ */

SS_PRINTF(2, 3) static void put(struct ss_buf *b, const char *fmt, ...)
{
	char line[2048];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	ss_buf_put(b, (struct ss_span){ (const uint8_t *)line,
					(size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1 });
}

/* Messages may hold text of the document or of a policy. */
static void put_shown(struct ss_buf *b, const char *s)
{
	ss_show_line(b, (struct ss_span){ (const uint8_t *)s, strlen(s) });
}

/* In debug mode, and where nobody signed, no register is proven. */
static bool is_code_known(const struct att_verdict *v)
{
	return !v->is_debug && !v->is_emulated;
}

static void put_first_line(const struct att_verdict *v, struct ss_buf *b)
{
	char root[ROOT_SIZE];

	if (v->is_yes) {
		put(b, "yes%s%s", is_code_known(v) && v->is_operator_unknown ? ", this code" : "",
		    v->is_operator_unknown ? ", unknown operator" : "");
	} else {
		put(b, "no: %s: ", att_reason_code(v->no->reason));
		put_shown(b, v->no->message);
	}
	if (!v->root.is_aws)
		put(b, "; root: %s", root_text(v, root));
	if (v->is_emulated)
		put(b, "; EMULATED: nobody signed this document");
	if (v->has_raw_nsm)
		put(b, "; RAW NSM: the application can ask for such documents itself");
	if (v->is_debug)
		put(b, "; DEBUG MODE: nothing tells which code runs");
	put(b, "\n");
}

static void put_document(const struct att_verdict *v, struct ss_buf *b)
{
	char made[SS_DATE_SIZE], at[SS_DATE_SIZE];

	ss_date_text(v->at, at);
	if (v->has_doc) {
		ss_date_text((int64_t)(v->doc.timestamp_ms / MS), made);
		put(b, "document   ");
		ss_show_all(b, v->doc.module_id);
		put(b, ", %s\n", made);
	}
	if (v->has_doc || v->when == ATT_AT_TIME)
		put(b, "verified   at %s%s\n", at,
		    v->when == ATT_AT_DOCUMENT ? ", the document's own time" : "");
	if (v->identity != NULL) {
		put(b, "identity:  ");
		put_shown(b, v->identity);
		put(b, "\n");
	}
}

static void put_check(const struct att_check *c, struct ss_buf *b)
{
	put(b, "%-10s %s", c->name, c->reason == ATT_NO_NONE ? "yes" : "NO: ");
	if (c->reason != ATT_NO_NONE)
		put_shown(b, c->message);
	put(b, "\n");
	if (c->want != NULL) {
		put(b, "  expected ");
		put_shown(b, c->want);
		put(b, "\n");
	}
	if (c->got != NULL || c->want != NULL) {
		put(b, "  found    ");
		put_shown(b, c->got != NULL ? c->got : "nothing");
		put(b, "\n");
	}
	if (c->source != NULL) {
		put(b, "  from     ");
		put_shown(b, c->source);
		put(b, "\n");
	}
}

void att_verdict_text(const struct att_verdict *v, struct ss_buf *b)
{
	put_first_line(v, b);
	put_document(v, b);
	for (size_t i = 0; i < v->n_checks; i++)
		put_check(&v->checks[i], b);
	if (v->changed != NULL) {
		put(b, "changed    ");
		put_shown(b, v->changed);
		put(b, "\n");
	}
	for (size_t i = 0; i < v->n_unchecked; i++) {
		put(b, "unchecked  ");
		put_shown(b, v->unchecked[i]);
		put(b, "\n");
	}
}

/* --- JSON ------------------------------------------------------------------------------------ */

/* jansson fails only for lack of memory here: the text is escaped, so it is UTF-8. */
static void set(json_t *o, const char *key, json_t *value)
{
	const int rc = json_object_set_new(o, key, value);

	assert(rc == 0);
}

static json_t *shown(const char *s)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(SIZE_MAX);

	if (s == NULL)
		return json_null();
	put_shown(&b, s);
	return json_stringn(b.n > 0 ? (const char *)b.p : "", b.n);
}

static json_t *hex_or_null(struct ss_span s)
{
	AUTO_FREE char *hex = s.p != NULL ? att_hex(s) : NULL;

	return hex != NULL ? json_string(hex) : json_null();
}

static json_t *date(int64_t unix_s)
{
	char text[SS_DATE_SIZE];

	ss_date_text(unix_s, text);
	return json_string(text);
}

static json_t *registers_json(const struct att_doc *d)
{
	json_t *o = json_object();
	char key[16];

	for (size_t i = 0; i < ATT_PCRS; i++) {
		if (d->pcr[i].p == NULL)
			continue;
		(void)snprintf(key, sizeof(key), "PCR%zu", i);
		set(o, key, hex_or_null(d->pcr[i]));
	}
	return o;
}

static json_t *document_json(const struct att_verdict *v)
{
	const struct att_doc *d = &v->doc;
	json_t *o = json_object();

	set(o, "ModuleId", json_stringn((const char *)d->module_id.p, d->module_id.n));
	set(o, "Timestamp", json_integer((json_int_t)d->timestamp_ms));
	set(o, "Made", date((int64_t)(d->timestamp_ms / MS)));
	set(o, "Measurements", registers_json(d));
	set(o, "Nonce", hex_or_null(d->nonce));
	set(o, "UserData", hex_or_null(d->user_data));
	set(o, "PublicKey", hex_or_null(d->public_key));
	set(o, "Certificates", att_certificates_json(d));
	return o;
}

static json_t *check_json(const struct att_check *c)
{
	json_t *o = json_object();

	set(o, "Check", json_string(c->name));
	set(o, "Holds", json_boolean(c->reason == ATT_NO_NONE));
	if (c->reason != ATT_NO_NONE) {
		set(o, "Reason", json_string(att_reason_code(c->reason)));
		set(o, "Message", shown(c->message));
	}
	if (c->want != NULL)
		set(o, "Expected", shown(c->want));
	if (c->want != NULL || c->got != NULL)
		set(o, "Found", shown(c->got));
	if (c->source != NULL)
		set(o, "Source", shown(c->source));
	return o;
}

static void append(json_t *list, json_t *value)
{
	const int rc = json_array_append_new(list, value);

	assert(rc == 0);
}

json_t *att_verdict_json(const struct att_verdict *v)
{
	json_t *o = json_object(), *checks = json_array(), *unchecked = json_array();
	char root[ROOT_SIZE];

	for (size_t i = 0; i < v->n_checks; i++)
		append(checks, check_json(&v->checks[i]));
	for (size_t i = 0; i < v->n_unchecked; i++)
		append(unchecked, shown(v->unchecked[i]));
	set(o, "Verdict", json_string(v->is_yes ? "yes" : "no"));
	set(o, "Reason", v->is_yes ? json_null() : json_string(att_reason_code(v->no->reason)));
	set(o, "Message", v->is_yes ? json_null() : shown(v->no->message));
	set(o, "Root", json_string(root_text(v, root)));
	set(o, "Emulated", json_boolean(v->is_emulated));
	set(o, "DebugMode", json_boolean(v->is_debug));
	if (v->is_endpoint) {
		set(o, "Identity", shown(v->identity));
		set(o, "RawNsm", json_boolean(v->has_raw_nsm));
	}
	set(o, "At", v->has_doc || v->when == ATT_AT_TIME ? date(v->at) : json_null());
	/* What it claims; proven only by a yes. */
	set(o, "Document", v->has_doc ? document_json(v) : json_null());
	set(o, "Checks", checks);
	set(o, "Changed", v->changed != NULL ? shown(v->changed) : json_null());
	set(o, "NotChecked", unchecked);
	return o;
}
