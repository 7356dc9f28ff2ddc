/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/lint_show.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

void cli_lint_text(const struct lint_report *r, const char *file)
{
	const unsigned long long all = (unsigned long long)r->n + r->left_out;

	cli_print_str(file);
	if (all == 0) {
		(void)puts(": no findings");
		return;
	}
	(void)printf(": %llu finding%s\n", all, all == 1 ? "" : "s");
	for (size_t i = 0; i < r->n; i++) {
		const struct lint_finding *f = &r->v[i];
		const struct lint_row *row = lint_row(f->code);

		(void)putchar('\n');
		cli_print_str(file);
		(void)printf(":%u: %s: %s\n    ", f->line, row->code, row->what);
		cli_print_str(f->words);
		(void)printf("\n  leads to: %s\n  mend: %s\n", row->leads, row->mend);
	}
	if (r->left_out > 0)
		(void)printf("\nand %llu more that were only counted\n",
			     (unsigned long long)r->left_out);
}

json_t *cli_lint_json(const struct lint_report *r, const char *file)
{
	json_t *j = json_object();
	json_t *list = json_array();

	cli_json_text(j, "file", ss_text(file));
	cli_json_set(j, "left_out", json_integer((json_int_t)r->left_out));
	for (size_t i = 0; i < r->n; i++) {
		const struct lint_finding *f = &r->v[i];
		const struct lint_row *row = lint_row(f->code);
		json_t *one = json_object();

		cli_json_set(one, "code", json_string(row->code));
		cli_json_set(one, "line", json_integer((json_int_t)f->line));
		cli_json_text(one, "words", ss_text(f->words));
		cli_json_set(one, "what", json_string(row->what));
		cli_json_set(one, "leads_to", json_string(row->leads));
		cli_json_set(one, "mend", json_string(row->mend));
		(void)json_array_append_new(list, one);
	}
	cli_json_set(j, "findings", list);
	return j;
}
