/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command table as lines, for the tests of help, manual and completion:
 * "COMMAND" TAB "-" for the command, "COMMAND" TAB "OPTION" TAB "LETTER" for each option. With the
 * word enclave.toml, enclave.lock or policy: the keys that this file may have, "app.command".
 */
#include "cli/cli.h"
#include "config/enclave_lock.h"
#include "config/enclave_toml.h"
#include "config/policy.h"

#include <stdio.h>
#include <string.h>

static void print_opts(const char *name, const struct cli_opt *opts)
{
	for (const struct cli_opt *o = opts; o->name != NULL; o++)
		printf("%s\t%s\t%c\n", name, o->name, o->letter != 0 ? o->letter : '-');
}

/* Of a table in a table the last name alone: "part.size". */
static void print_keys(const struct cfg_field *fields, const char *table)
{
	for (const struct cfg_field *f = fields; f->key != NULL; f++) {
		if (f->fields != NULL)
			print_keys(f->fields, f->key);
		else
			printf("%s%s%s\n", table, table[0] != '\0' ? "." : "", f->key);
	}
}

int main(int argc, char **argv)
{
	if (argc == 2) {
		print_keys(strcmp(argv[1], "enclave.lock") == 0 ? cfg_lock_fields
			   : strcmp(argv[1], "policy") == 0     ? cfg_policy_fields
								: cfg_enclave_fields,
			   "");
		return 0;
	}
	for (size_t i = 0; cli_commands[i] != NULL; i++) {
		const struct cli_cmd *c = cli_commands[i];

		printf("%s\t-\n", c->name);
		print_opts(c->name, c->opts);
		print_opts(c->name, cli_common_opts);
	}
	return 0;
}
