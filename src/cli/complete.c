/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

/*
 * `selfsame completion SHELL`: the command table, said in the language of three shells. Names and
 * choices in the table are [a-z0-9-] only; texts may hold anything and are quoted.
 */

struct opts {
	char none;
};

static const struct cli_opt no_opts[] = { CLI_OPTS_END };

/* `text` inside single quotes; `close` is how a quote is written inside them. */
static void print_quoted(const char *text, const char *close)
{
	(void)putchar('\'');
	for (const char *c = text; *c != '\0'; c++)
		if (*c == '\'')
			(void)fputs(close, stdout);
		else
			(void)putchar(*c);
	(void)putchar('\'');
}

/* --- bash ---------------------------------------------------------------------------------- */

static void bash_words(const struct cli_opt *opts)
{
	for (const struct cli_opt *o = opts; o->name != NULL; o++) {
		if (o->letter != 0)
			(void)printf(" -%c", o->letter);
		(void)printf(" --%s", o->name);
	}
}

/* What follows an option: one case arm for each that takes a value. */
static void bash_values(const struct cli_cmd *cmd)
{
	for (const struct cli_opt *o = cmd->opts; o->name != NULL; o++) {
		if (o->kind == CLI_FLAG)
			continue;
		(void)printf("\t'%s --%s'", cmd->name, o->name);
		if (o->letter != 0)
			(void)printf(" | '%s -%c'", cmd->name, o->letter);
		(void)printf(") ");
		if (o->choices != NULL)
			(void)printf("COMPREPLY=($(compgen -W '%s' -- \"$cur\"))", o->choices);
		else if (o->value == CLI_FILE)
			(void)printf("COMPREPLY=($(compgen -f -- \"$cur\"))");
		else if (o->value == CLI_DIR)
			(void)printf("COMPREPLY=($(compgen -d -- \"$cur\"))");
		else
			(void)printf(":");
		(void)printf("; return ;;\n");
	}
}

static void bash_args(const struct cli_cmd *cmd)
{
	(void)printf("\t'%s') words='", cmd->name);
	bash_words(cmd->opts);
	bash_words(cli_common_opts);
	(void)printf("' args=");
	if (cmd->choices != NULL)
		(void)printf("\"-W '%s'\"", cmd->choices);
	else if (cmd->max_args > 0 && cmd->value == CLI_FILE)
		(void)printf("-f");
	else if (cmd->max_args > 0 && cmd->value == CLI_DIR)
		(void)printf("-d");
	(void)printf(" ;;\n");
}

static void print_bash(void)
{
	(void)printf("# bash completion for selfsame: made by 'selfsame completion bash'\n"
		     "_selfsame() {\n"
		     "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
		     "\tlocal cmd=${COMP_WORDS[1]} words='' args=''\n"
		     "\tcompopt -o filenames 2>/dev/null\n"
		     "\tif [ \"$COMP_CWORD\" -eq 1 ]; then\n"
		     "\t\tCOMPREPLY=($(compgen -W '--help --version");
	for (size_t i = 0; cli_commands[i] != NULL; i++)
		(void)printf(" %.*s", (int)strcspn(cli_commands[i]->name, " "),
			     cli_commands[i]->name);
	(void)printf("' -- \"$cur\"))\n\t\treturn\n\tfi\n");
	for (size_t i = 0; cli_commands[i] != NULL; i++) {
		const char *space = strchr(cli_commands[i]->name, ' ');

		if (space == NULL)
			continue;
		(void)printf(
			"\tif [ \"$cmd\" = %.*s ]; then\n\t\tif [ \"$COMP_CWORD\" -eq 2 ]; then\n"
			"\t\t\tCOMPREPLY=($(compgen -W '%s' -- \"$cur\"))\n\t\t\treturn\n\t\tfi\n"
			"\t\tcmd=\"$cmd ${COMP_WORDS[2]}\"\n\tfi\n",
			(int)(space - cli_commands[i]->name), cli_commands[i]->name, space + 1);
	}
	(void)printf("\tcase \"$cmd $prev\" in\n");
	for (size_t i = 0; cli_commands[i] != NULL; i++)
		bash_values(cli_commands[i]);
	(void)printf("\tesac\n\tcase $cmd in\n");
	for (size_t i = 0; cli_commands[i] != NULL; i++)
		bash_args(cli_commands[i]);
	(void)printf("\tesac\n"
		     "\tif [ \"${cur#-}\" != \"$cur\" ]; then\n"
		     "\t\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
		     "\telif [ -n \"$args\" ]; then\n"
		     "\t\teval \"COMPREPLY=(\\$(compgen $args -- \\\"\\$cur\\\"))\"\n"
		     "\tfi\n}\ncomplete -F _selfsame selfsame\n");
}

/* --- zsh ----------------------------------------------------------------------------------- */

/* _arguments gives '[', ']', ':' and '\' a meaning. */
static void zsh_text(const char *text)
{
	for (const char *c = text; *c != '\0'; c++) {
		if (strchr("[]:\\", *c) != NULL)
			(void)putchar('\\');
		if (*c == '\'')
			(void)fputs("'\\''", stdout);
		else
			(void)putchar(*c);
	}
}

static void zsh_action(enum cli_value value, const char *choices)
{
	if (choices != NULL)
		(void)printf("(%s)", choices);
	else if (value == CLI_FILE)
		(void)printf("_files");
	else if (value == CLI_DIR)
		(void)printf("_files -/");
	else
		(void)printf(" ");
}

static void zsh_spec(const struct cli_opt *o, const char *dashes, const char *name, int n)
{
	(void)printf(" \\\n\t\t\t'%s%s%.*s%s[", o->kind == CLI_LIST ? "*" : "", dashes, n, name,
		     o->kind != CLI_FLAG && n > 1 ? "=" : "");
	zsh_text(o->help);
	(void)putchar(']');
	if (o->kind != CLI_FLAG) {
		(void)putchar(':');
		zsh_text(o->arg);
		(void)putchar(':');
		zsh_action(o->value, o->choices);
	}
	(void)putchar('\'');
}

static void zsh_options(const struct cli_opt *opts)
{
	for (const struct cli_opt *o = opts; o->name != NULL; o++) {
		if (o->letter != 0)
			zsh_spec(o, "-", &o->letter, 1);
		zsh_spec(o, "--", o->name, (int)strlen(o->name));
	}
}

static void zsh_command(const struct cli_cmd *cmd)
{
	(void)printf("\t\t(");
	print_quoted(cmd->name, "'\\''");
	(void)printf(") _arguments -s -S");
	zsh_options(cmd->opts);
	zsh_options(cli_common_opts);
	if (cmd->max_args > 0) {
		(void)printf(" \\\n\t\t\t'*:");
		zsh_text(cmd->args);
		(void)putchar(':');
		zsh_action(cmd->value, cmd->choices);
		(void)putchar('\'');
	}
	(void)printf(" ;;\n");
}

static void print_zsh(void)
{
	(void)printf("#compdef selfsame\n"
		     "# zsh completion for selfsame: made by 'selfsame completion zsh'\n"
		     "_selfsame() {\n\tlocal -a commands\n\tcommands=(");
	for (size_t i = 0; cli_commands[i] != NULL; i++) {
		const int n = (int)strcspn(cli_commands[i]->name, " ");

		(void)printf("\n\t\t'%.*s:", n, cli_commands[i]->name);
		zsh_text(cli_commands[i]->summary);
		(void)putchar('\'');
	}
	(void)printf(")\n"
		     "\tif (( CURRENT == 2 )); then\n"
		     "\t\t_describe command commands\n"
		     "\t\t_values option --help --version\n\t\treturn\n\tfi\n"
		     "\tlocal cmd=$words[2]\n\tshift words\n\t(( CURRENT-- ))\n");
	for (size_t i = 0; cli_commands[i] != NULL; i++) {
		const char *space = strchr(cli_commands[i]->name, ' ');

		if (space == NULL)
			continue;
		(void)printf(
			"\tif [[ $cmd == %.*s ]]; then\n\t\tif (( CURRENT == 2 )); then\n"
			"\t\t\tcompadd %s\n\t\t\treturn\n\t\tfi\n"
			"\t\tcmd=\"$cmd $words[2]\"\n\t\tshift words\n\t\t(( CURRENT-- ))\n\tfi\n",
			(int)(space - cli_commands[i]->name), cli_commands[i]->name, space + 1);
	}
	(void)printf("\tcase $cmd in\n");
	for (size_t i = 0; cli_commands[i] != NULL; i++)
		zsh_command(cli_commands[i]);
	(void)printf("\tesac\n}\ncompdef _selfsame selfsame\n");
}

/* --- fish ---------------------------------------------------------------------------------- */

/* The condition under which a line holds: the command's words have been typed. */
static void fish_when(const struct cli_cmd *cmd)
{
	const char *space = strchr(cmd->name, ' ');

	(void)printf("complete -c selfsame -n '__fish_seen_subcommand_from %.*s",
		     (int)strcspn(cmd->name, " "), cmd->name);
	if (space != NULL)
		(void)printf("; and __fish_seen_subcommand_from %s", space + 1);
	(void)putchar('\'');
}

static void fish_options(const struct cli_cmd *cmd, const struct cli_opt *opts)
{
	for (const struct cli_opt *o = opts; o->name != NULL; o++) {
		fish_when(cmd);
		if (o->letter != 0)
			(void)printf(" -s %c", o->letter);
		(void)printf(" -l %s", o->name);
		if (o->kind != CLI_FLAG)
			(void)printf(" -r");
		if (o->choices != NULL)
			(void)printf(" -f -a '%s'", o->choices);
		else if (o->value == CLI_FILE)
			(void)printf(" -F");
		else if (o->value == CLI_DIR)
			(void)printf(" -f -a '(__fish_complete_directories)'");
		(void)printf(" -d ");
		print_quoted(o->help, "\\'");
		(void)putchar('\n');
	}
}

static void fish_args(const struct cli_cmd *cmd)
{
	fish_when(cmd);
	if (cmd->choices != NULL)
		(void)printf(" -f -a '%s'\n", cmd->choices);
	else if (cmd->max_args == 0 || cmd->value == CLI_ANY)
		(void)printf(" -f\n");
	else if (cmd->value == CLI_DIR)
		(void)printf(" -f -a '(__fish_complete_directories)'\n");
	else
		(void)printf(" -F\n");
}

static void print_fish(void)
{
	(void)printf("# fish completion for selfsame: made by 'selfsame completion fish'\n"
		     "complete -c selfsame -n __fish_use_subcommand -f -l help "
		     "-d 'print the commands'\n"
		     "complete -c selfsame -n __fish_use_subcommand -f -l version "
		     "-d 'print the version'\n");
	for (size_t i = 0; cli_commands[i] != NULL; i++) {
		const struct cli_cmd *cmd = cli_commands[i];
		const char *space = strchr(cmd->name, ' ');

		(void)printf("complete -c selfsame -n __fish_use_subcommand -f -a %.*s -d ",
			     (int)strcspn(cmd->name, " "), cmd->name);
		print_quoted(cmd->summary, "\\'");
		(void)putchar('\n');
		if (space != NULL)
			(void)printf("complete -c selfsame -n '__fish_seen_subcommand_from %.*s' "
				     "-f -a %s\n",
				     (int)(space - cmd->name), cmd->name, space + 1);
		fish_options(cmd, cmd->opts);
		fish_options(cmd, cli_common_opts);
		fish_args(cmd);
	}
}

static int run(struct cli_run *r, struct ss_err *err)
{
	(void)err; /* cannot fail: the parser knows the shells */
	if (strcmp(r->args[0], "bash") == 0)
		print_bash();
	else if (strcmp(r->args[0], "zsh") == 0)
		print_zsh();
	else
		print_fish();
	return 0;
}

const struct cli_cmd cli_completion = {
	.name = "completion",
	.args = "SHELL",
	.summary = "print a completion script for bash, zsh or fish",
	.about = "Prints a script that teaches a shell the commands, the options and their values. "
		 "It "
		 "is made from the table that the parser reads, so it always fits this program.",
	.examples = "selfsame completion bash >/etc/bash_completion.d/selfsame\n"
		    "selfsame completion zsh >\"${fpath[1]}/_selfsame\"\n"
		    "selfsame completion fish >~/.config/fish/completions/selfsame.fish\n",
	.min_args = 1,
	.max_args = 1,
	.choices = "bash zsh fish",
	.opts = no_opts,
	.opts_size = sizeof(struct opts),
	.run = run,
};
