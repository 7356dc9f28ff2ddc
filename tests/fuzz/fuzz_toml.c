/* SPDX-License-Identifier: Apache-2.0 */
#include "fmt/toml.h"

#include <stdlib.h>
#include <string.h>

/* What is accepted writes to a canonical text that reads back equal and is its own canonical text;
 * what is refused says on which line, and that line exists. */

static uint32_t lines_in(const uint8_t *data, size_t size)
{
	uint32_t n = 1;

	for (size_t i = 0; i < size; i++)
		n += data[i] == '\n';
	return n;
}

static void check_lines(const struct toml_node *t, uint32_t lines)
{
	if (t->line < 1 || t->line > lines)
		abort();
	for (size_t i = 0; i < t->n; i++)
		check_lines(t->kids[i], lines);
}

static void check_message(const struct ss_err *err, uint32_t lines)
{
	unsigned long line;

	if (err->code != SS_EINPUT && err->code != SS_ELIMIT)
		abort();
	if (strncmp(err->msg, "line ", 5) != 0)
		abort();
	line = strtoul(err->msg + 5, NULL, 10);
	if (line < 1 || line > lines)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_BUF struct ss_buf once = SS_BUF_INIT((size_t)1 << 24);
	AUTO_BUF struct ss_buf twice = SS_BUF_INIT((size_t)1 << 24);
	AUTO_TOML struct toml_node *t = NULL;
	AUTO_TOML struct toml_node *back = NULL;
	struct ss_err err = { 0 };

	if (toml_read((struct ss_span){ data, size }, &t, &err) < 0) {
		check_message(&err, lines_in(data, size));
		return 0;
	}
	check_lines(t, lines_in(data, size));
	toml_write(t, &once);
	if (toml_read(ss_buf_span(&once), &back, &err) < 0 || !toml_equal(t, back))
		abort();
	toml_write(back, &twice);
	if (once.n != twice.n || (once.n > 0 && memcmp(once.p, twice.p, once.n) != 0))
		abort();
	return 0;
}
