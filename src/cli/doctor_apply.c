/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/doctor_apply.h"

#include "base/show.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What a file holds is escaped for a terminal, line by line, and left as it is for a program. */
static void print_diff(struct ss_span s)
{
	if (isatty(STDOUT_FILENO) == 0) {
		(void)fwrite(s.p, 1, s.n, stdout);
		return;
	}
	while (s.n > 0) {
		const uint8_t *nl = memchr(s.p, '\n', s.n);
		const size_t n = nl != NULL ? (size_t)(nl - s.p) : s.n;

		cli_print_text((struct ss_span){ s.p, n });
		(void)putchar('\n');
		s = (struct ss_span){ s.p + n, s.n - n };
		if (s.n > 0)
			s = (struct ss_span){ s.p + 1, s.n - 1 };
	}
}

static size_t show(const struct cli_patch *v, size_t n)
{
	size_t shown = 0;

	for (size_t i = 0; i < n; i++) {
		AUTO_BUF struct ss_buf b = SS_BUF_INIT(SIZE_MAX);

		doc_patch_show(v[i].patch, v[i].was, v[i].path, &b);
		if (b.n == 0)
			continue;
		if (shown++ == 0)
			(void)putchar('\n');
		print_diff(ss_buf_span(&b));
	}
	(void)fflush(stdout);
	return shown;
}

static bool ask(void)
{
	char line[16] = "";

	(void)fputs("apply? [y/N] ", stderr);
	(void)fflush(stderr);
	return fgets(line, sizeof(line), stdin) != NULL &&
	       (strcmp(line, "y\n") == 0 || strcmp(line, "Y\n") == 0 || strcmp(line, "yes\n") == 0);
}

int cli_doctor_apply(const struct cli_patch *v, size_t n, bool yes, bool *ret_written,
		     struct ss_err *err)
{
	*ret_written = false;
	if (show(v, n) == 0) {
		(void)puts("\nnothing that can be mended by an edit alone");
		return 0;
	}
	if (!yes && (isatty(STDIN_FILENO) == 0 || isatty(STDERR_FILENO) == 0)) {
		(void)fputs("selfsame: nothing was written: --yes applies it without a question\n",
			    stderr);
		return 0;
	}
	if (!yes && !ask()) {
		(void)fputs("selfsame: nothing was written\n", stderr);
		return 0;
	}
	for (size_t i = 0; i < n; i++) {
		if (v[i].patch->n == 0)
			continue;
		if (doc_patch_apply(v[i].patch, v[i].was, v[i].path, err) < 0)
			return -1;
		(void)printf("\nwritten: ");
		cli_print_str(v[i].path);
		(void)putchar('\n');
	}
	*ret_written = true;
	return 0;
}
