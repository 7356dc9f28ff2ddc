/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command table as lines, for the tests of help, manual and completion:
 * "COMMAND" TAB "-" for the command, "COMMAND" TAB "OPTION" TAB "LETTER" for each option.
 */
#include "cli/cli.h"

#include <stdio.h>

static void print_opts(const char *name, const struct cli_opt *opts)
{
	for (const struct cli_opt *o = opts; o->name != NULL; o++)
		printf("%s\t%s\t%c\n", name, o->name, o->letter != 0 ? o->letter : '-');
}

int main(void)
{
	for (size_t i = 0; cli_commands[i] != NULL; i++) {
		const struct cli_cmd *c = cli_commands[i];

		printf("%s\t-\n", c->name);
		print_opts(c->name, c->opts);
		print_opts(c->name, cli_common_opts);
	}
	return 0;
}
