/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/doctor_show.h"

#include "cli/diff_show.h"

#include <stdio.h>
#include <string.h>

static const char *name_of(int v)
{
	return doc_row((enum doc_variation)v)->name;
}

static void print_set(uint32_t set)
{
	const char *comma = "";

	for (int v = 0; v < DOC_VARIATIONS; v++)
		if ((set & 1u << v) != 0) {
			(void)printf("%s%s", comma, name_of(v));
			comma = ", ";
		}
}

static void print_triggers(const void *ctx, const struct ex_group *g)
{
	const struct doc_report *r = ctx;
	const uint32_t set = doc_group_triggers(r, g);

	if (r->triggers == NULL)
		return;
	(void)fputs("  triggered by: ", stdout);
	if ((set & DOC_EACH_TIME) != 0)
		(void)printf("nothing; it differs each time%s", set != DOC_EACH_TIME ? "; " : "");
	if (set == 0)
		(void)fputs("no variation alone", stdout);
	print_set(set);
	(void)putchar('\n');
}

void cli_doctor_text(const struct doc_report *r, bool all)
{
	cli_diff_text_noted(&r->diff, all, print_triggers, r);
	(void)printf("\n%u builds\nvaried: ", r->builds);
	print_set(r->varied);
	if (r->varied == 0)
		(void)fputs("nothing", stdout);
	(void)putchar('\n');
	for (int v = 0; v < DOC_VARIATIONS; v++) {
		if (r->why_not[v] == NULL)
			continue;
		(void)printf("not varied: %s: ", name_of(v));
		cli_print_str(r->why_not[v]);
		(void)putchar('\n');
	}
}

static json_t *set_json(uint32_t set)
{
	json_t *list = json_array();

	for (int v = 0; v < DOC_VARIATIONS; v++)
		if ((set & 1u << v) != 0)
			(void)json_array_append_new(list, json_string(name_of(v)));
	return list;
}

static json_t *not_varied_json(const struct doc_report *r)
{
	json_t *list = json_array();

	for (int v = 0; v < DOC_VARIATIONS; v++) {
		json_t *one;

		if (r->why_not[v] == NULL)
			continue;
		one = json_object();
		cli_json_set(one, "name", json_string(name_of(v)));
		cli_json_text(
			one, "why",
			(struct ss_span){ (const uint8_t *)r->why_not[v], strlen(r->why_not[v]) });
		(void)json_array_append_new(list, one);
	}
	return list;
}

json_t *cli_doctor_json(const struct doc_report *r)
{
	json_t *j = cli_diff_json(&r->diff);
	json_t *groups = json_object_get(j, "groups");

	for (size_t i = 0; r->triggers != NULL && i < r->diff.n_groups; i++) {
		const uint32_t set = doc_group_triggers(r, &r->diff.groups[i]);
		json_t *group = json_array_get(groups, i);

		cli_json_set(group, "each_time", json_boolean((set & DOC_EACH_TIME) != 0));
		cli_json_set(group, "triggered_by", set_json(set));
	}
	cli_json_set(j, "builds", json_integer((json_int_t)r->builds));
	cli_json_set(j, "varied", set_json(r->varied));
	cli_json_set(j, "not_varied", not_varied_json(r));
	return j;
}
