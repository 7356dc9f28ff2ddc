/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

/* --help: everything below comes from the table, so it cannot drift from the parser. */

#define WIDTH 80
#define OPTION_COLUMN 26

/* Prints `text` from column `at` on, broken at spaces; '\n' in it begins a new paragraph line. */
static void print_wrapped(const char *text, int at, int indent)
{
	int column = at;
	bool first = true;

	for (const char *c = text; *c != '\0';) {
		const int len = (int)strcspn(c, " \n");

		if (!first && column + 1 + len > WIDTH) {
			(void)printf("\n%*s", indent, "");
			column = indent;
			first = true;
		}
		(void)printf("%s%.*s", first ? "" : " ", len, c);
		column += len + (first ? 0 : 1);
		first = false;
		c += len;
		if (*c == '\n') {
			(void)printf("\n\n%*s", indent, "");
			column = indent;
			first = true;
		}
		if (*c != '\0')
			c++;
	}
	(void)printf("\n");
}

static void print_option(const struct cli_opt *o)
{
	char letter[5] = "    ";
	int column;

	if (o->letter != 0)
		(void)snprintf(letter, sizeof(letter), "-%c, ", o->letter);
	column = printf("  %s--%s%s%s", letter, o->name, o->arg != NULL ? " " : "",
			o->arg != NULL ? o->arg : "");
	if (column > OPTION_COLUMN - 2) {
		(void)printf("\n");
		column = 0;
	}
	(void)printf("%*s", OPTION_COLUMN - column, "");
	print_wrapped(o->help, OPTION_COLUMN, OPTION_COLUMN);
	if (o->choices != NULL)
		(void)printf("%*sone of: %s\n", OPTION_COLUMN, "", o->choices);
	if (o->kind == CLI_NUM && o->max != 0)
		(void)printf("%*sfrom %llu to %llu\n", OPTION_COLUMN, "",
			     (unsigned long long)o->min, (unsigned long long)o->max);
	if (o->kind == CLI_LIST)
		(void)printf("%*smay be given more than once\n", OPTION_COLUMN, "");
	if (o->preset != NULL)
		(void)printf("%*sdefault: %s\n", OPTION_COLUMN, "", o->preset);
}

static void print_options(const struct cli_opt *opts)
{
	for (const struct cli_opt *o = opts; o->name != NULL; o++)
		print_option(o);
}

static void print_lines(const char *lines)
{
	for (const char *c = lines; *c != '\0';) {
		const int len = (int)strcspn(c, "\n");

		(void)printf("  %.*s\n", len, c);
		c += len + (c[len] == '\n');
	}
}

static void print_statuses(const struct cli_cmd *cmd)
{
	(void)printf("\nexit status:\n");
	if (cmd->statuses != NULL) {
		print_lines(cmd->statuses);
		return;
	}
	print_lines("0  done");
	if (cmd->no != NULL)
		(void)printf("  1  %s\n", cmd->no);
	print_lines("2  the command line is wrong\n"
		    "3  an input is malformed or over a limit\n"
		    "4  the system failed: a file, the disk, a program that is missing\n"
		    "5  another machine or service failed: a registry, a build engine\n");
}

void cli_help_command(const struct cli_cmd *cmd)
{
	(void)printf("selfsame %s: %s\n\nusage: selfsame %s [OPTIONS]%s%s\n\n", cmd->name,
		     cmd->summary, cmd->name, cmd->args[0] != '\0' ? " " : "", cmd->args);
	print_wrapped(cmd->about, 0, 0);
	(void)printf("\noptions:\n");
	print_options(cmd->opts);
	print_options(cli_common_opts);
	if (cmd->examples != NULL) {
		(void)printf("\nexamples:\n");
		print_lines(cmd->examples);
	}
	print_statuses(cmd);
}

void cli_help(void)
{
	(void)printf(
		"selfsame makes AWS Nitro Enclave images that anyone can rebuild bit for bit.\n\n"
		"usage: selfsame COMMAND [OPTIONS] [ARGUMENTS]\n\ncommands:\n");
	for (size_t i = 0; cli_commands[i] != NULL; i++)
		(void)printf("  %-14s %s\n", cli_commands[i]->name, cli_commands[i]->summary);
	(void)printf("\noptions:\n"
		     "  -h, --help     print this text; after a command, the command's own\n"
		     "      --version  print the version\n"
		     "\nResults go to standard output, progress and errors to standard error.\n"
		     "The manual: selfsame(1), selfsame-COMMAND(1).\n");
}
