/* SPDX-License-Identifier: Apache-2.0 */
/* For toml.py: documents on standard input, each after its length in a line; for each a line "ok N"
 * and N bytes of canonical TOML, or "no MESSAGE". */
#include "fmt/toml.h"

#include <stdio.h>

static int answer(struct ss_span doc)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT((size_t)1 << 24);
	AUTO_TOML struct toml_node *t = NULL;
	struct ss_err err = { 0 };

	if (toml_read(doc, &t, &err) < 0)
		return printf("no %s\n", err.msg) < 0;
	toml_write(t, &b);
	(void)printf("ok %zu\n", b.n);
	return b.n > 0 && fwrite(b.p, 1, b.n, stdout) != b.n;
}

int main(void)
{
	char line[32];
	int bad = 0;

	while (fgets(line, sizeof(line), stdin) != NULL) {
		const size_t n = strtoul(line, NULL, 10);
		AUTO_FREE uint8_t *doc = ss_calloc(n, 1);

		if (fread(doc, 1, n, stdin) != n)
			return 2;
		bad |= answer((struct ss_span){ doc, n });
	}
	return bad;
}
