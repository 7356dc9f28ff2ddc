/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/out.h"

#include "base/hex.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/show.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

void cli_print_text(struct ss_span s)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(SIZE_MAX);

	ss_show_all(&b, s);
	if (b.n > 0)
		(void)fwrite(b.p, 1, b.n, stdout);
}

void cli_print_str(const char *s)
{
	cli_print_text((struct ss_span){ (const uint8_t *)s, strlen(s) });
}

void cli_json_set(json_t *object, const char *key, json_t *value)
{
	const int rc = json_object_set_new(object, key, value);

	assert(rc == 0);
}

static void set_hex(json_t *object, const char *key, struct ss_span s)
{
	const size_t room = strlen(key) + sizeof("_hex");
	AUTO_FREE char *name = ss_calloc(room, 1);
	AUTO_FREE char *digits = NULL;
	size_t bytes;
	const bool fits = ss_mul_size(s.n, 2, &bytes) && ss_add_size(bytes, 1, &bytes);

	assert(fits);
	digits = ss_calloc(bytes, 1);
	ss_hex(s, digits);
	(void)snprintf(name, room, "%s_hex", key);
	cli_json_set(object, name, json_string(digits));
}

void cli_json_text(json_t *object, const char *key, struct ss_span s)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(SIZE_MAX);

	if (ss_is_text(s)) {
		cli_json_set(object, key, json_stringn((const char *)s.p, s.n));
		return;
	}
	ss_show_all(&b, s);
	cli_json_set(object, key, json_stringn((const char *)b.p, b.n));
	set_hex(object, key, s);
}

int cli_json_print(const json_t *root, struct ss_err *err)
{
	/* A terminal would obey some characters beyond ASCII, and show others in another order. */
	if (json_dumpf(root, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII) < 0)
		return ss_fail_sys(err, "cannot write to standard output");
	(void)putchar('\n');
	return 0;
}
