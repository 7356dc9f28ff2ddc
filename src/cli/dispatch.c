/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "base/near.h"
#include "base/show.h"
#include "cli/bar.h"
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

int cli_exit_status(enum ss_code code)
{
	switch (code) {
	case SS_OK:
		return 0;
	case SS_EVERIFY:
		return 1;
	case SS_EUSAGE:
		return 2;
	case SS_EINPUT:
	case SS_ELIMIT:
		return 3;
	case SS_ESYS:
		return 4;
	case SS_EREMOTE:
		return 5;
	}
	return 4;
}

static int report(const struct ss_err *err)
{
	AUTO_BUF struct ss_buf text = SS_BUF_INIT((size_t)4 * SS_ERR_MSG_MAX);

	/* Names inside the message may come from anywhere. */
	ss_show_line(&text, (struct ss_span){ (const uint8_t *)err->msg, strlen(err->msg) });
	(void)fprintf(stderr, "selfsame: error: %.*s\n", (int)text.n,
		      text.n > 0 ? (char *)text.p : "");
	if (err->hint != NULL)
		(void)fprintf(stderr, "selfsame: hint: %s\n", err->hint);
	return cli_exit_status(err->code);
}

/* What was printed must have arrived: a full disk or a closed pipe is an error like any other. */
static int finish(int status)
{
	struct ss_err err = { 0 };
	const bool failed = ferror(stdout) != 0;

	errno = 0;
	if (fflush(stdout) == 0 && !failed)
		return status;
	if (errno != 0)
		ss_err_set_sys(&err, "cannot write to standard output");
	else
		ss_err_set(&err, SS_ESYS, "cannot write to standard output");
	return report(&err);
}

static int run_cmd(const struct cli_cmd *cmd, int argc, char **argv)
{
	struct cli_words w;
	struct cli_run r = { 0 };
	struct ss_err err = { 0 };
	int rc, status;

	rc = cli_parse(cmd, argc, argv, &w, &err);
	if (rc == 0 && w.common.help) {
		cli_help_command(cmd);
	} else if (rc == 0) {
		r = (struct cli_run){ .opts = w.opts,
				      .args = w.args,
				      .n_args = w.n_args,
				      .verbose = w.common.verbose,
				      .quiet = w.common.quiet };
		r.progress = cli_bar_new(w.common.quiet, w.common.verbose);
		rc = cmd->run(&r, &err);
		cli_bar_free(r.progress);
	}
	cli_words_done(cmd, &w);
	status = finish(rc == 0 ? r.status : 0); /* what it printed stands before the error */
	if (rc == 0)
		return status != r.status && cmd->failure != 0 ? cmd->failure : status;
	status = report(&err);
	return cmd->failure != 0 ? cmd->failure : status;
}

/* True if the words of `name` ("kernel build") are the first words of argv; *ret_n = how many. */
static bool is_named(const char *name, int argc, char **argv, int *ret_n)
{
	int n = 0;

	for (const char *c = name; *c != '\0'; n++) {
		const size_t len = strcspn(c, " ");

		if (n >= argc || strlen(argv[n]) != len || memcmp(argv[n], c, len) != 0)
			return false;
		c += len + (c[len] == ' ');
	}
	*ret_n = n;
	return true;
}

static const struct cli_cmd *find_cmd(int argc, char **argv, int *ret_n)
{
	for (size_t i = 0; cli_commands[i] != NULL; i++)
		if (is_named(cli_commands[i]->name, argc, argv, ret_n))
			return cli_commands[i];
	return NULL;
}

/*
 * `typed` is one word, or two where the first begins the name of a command of two words; that
 * command is `fallback`, or NULL.
 */
static int fail_unknown(const char *typed, const char *fallback)
{
	struct ss_near near = ss_near_init(typed);
	struct ss_err err = { 0 };

	for (size_t i = 0; cli_commands[i] != NULL; i++)
		ss_near_offer(&near, cli_commands[i]->name);
	if (near.best == NULL)
		near.best = fallback;
	if (near.best != NULL) {
		ss_err_set(&err, SS_EUSAGE, "unknown command '%s'; did you mean '%s'?", typed,
			   near.best);
	} else {
		ss_err_set(&err, SS_EUSAGE, "unknown command '%s'", typed);
		err.hint = "'selfsame --help' lists the commands";
	}
	return report(&err);
}

static int fail_name(int argc, char **argv)
{
	const size_t n = strlen(argv[0]);
	char typed[2 * SS_NEAR_MAX];

	for (size_t i = 0; cli_commands[i] != NULL; i++) {
		const char *name = cli_commands[i]->name;

		if (strcspn(name, " ") == n && memcmp(name, argv[0], n) == 0) {
			(void)snprintf(typed, sizeof(typed), "%s%s%s", argv[0], argc > 1 ? " " : "",
				       argc > 1 ? argv[1] : "");
			return fail_unknown(typed, name);
		}
	}
	return fail_unknown(argv[0], NULL);
}

static void on_pipe(int sig)
{
	(void)sig;
}

/*
 * Standard descriptors that are closed would be taken by the next file we open, and a result would
 * be written into it: /dev/null takes their place, opened so that writing fails. And writing to a
 * closed pipe shall be an error with a message: a handler that does nothing gives EPIPE, and is
 * not inherited by the programs we start, as ignoring the signal would be.
 */
static void set_up(void)
{
	const struct sigaction pipe = { .sa_handler = on_pipe, .sa_flags = SA_RESTART };

	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			(void)open("/dev/null", O_RDONLY); /* the lowest free one is `fd` */
	(void)sigaction(SIGPIPE, &pipe, NULL);
}

int cli_main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : "";
	const struct cli_cmd *cmd;
	int n;

	set_up();
	if (argc < 2) {
		struct ss_err err = { 0 };

		ss_err_set(&err, SS_EUSAGE, "a command is needed");
		err.hint = "'selfsame --help' lists the commands";
		return report(&err);
	}
	if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
		cli_help();
		return finish(0);
	}
	if (strcmp(word, "--version") == 0) {
		(void)printf("selfsame %s\n", SELFSAME_VERSION);
		return finish(0);
	}
	cmd = find_cmd(argc - 1, argv + 1, &n);
	if (cmd == NULL)
		return fail_name(argc - 1, argv + 1);
	return run_cmd(cmd, argc - 1 - n, argv + 1 + n);
}
