/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "cli/registers.h"
#include "eif/seal.h"
#include "fmt/json.h"
#include "io/clock.h"
#include "project/paths.h"

#include <stdlib.h>
#include <string.h>

struct opts {
	const char *certificate;
	const char *key;
	const char *signature;
	const char *output;
	bool json;
};

static const struct cli_opt opt_table[] = {
	{ .name = "certificate",
	  .kind = CLI_STR,
	  .at = offsetof(struct opts, certificate),
	  .arg = "FILE",
	  .help = "the signer's certificate in PEM form, with its chain or without; all of it goes "
		  "into the image",
	  .value = CLI_FILE },
	{ .name = "key",
	  .kind = CLI_STR,
	  .at = offsetof(struct opts, key),
	  .arg = "FILE",
	  .help = "its private key in PEM form: P-256, P-384 or P-521, without a passphrase",
	  .value = CLI_FILE },
	{ .name = "signature",
	  .kind = CLI_STR,
	  .at = offsetof(struct opts, signature),
	  .arg = "FILE",
	  .help = "attach this signature instead, which 'extract --signature' took from another "
		  "file, after checking it",
	  .value = CLI_FILE },
	{ .name = "output",
	  .letter = 'o',
	  .kind = CLI_STR,
	  .at = offsetof(struct opts, output),
	  .arg = "FILE",
	  .help = "write the signed image here and leave FILE as it is",
	  .value = CLI_FILE },
	{ .name = "json",
	  .kind = CLI_FLAG,
	  .at = offsetof(struct opts, json),
	  .help = "print one JSON object" },
	CLI_OPTS_END,
};

static int check_opts(const struct opts *o, struct ss_err *err)
{
	const bool own = o->certificate != NULL || o->key != NULL;

	if (own && o->signature != NULL)
		return ss_fail(err, SS_EUSAGE,
			       "sign: --signature does not go with --certificate and --key");
	if (own && (o->certificate == NULL || o->key == NULL))
		return ss_fail(err, SS_EUSAGE, "sign: --certificate and --key go together");
	if (!own && o->signature == NULL)
		return ss_fail(err, SS_EUSAGE,
			       "sign needs --certificate and --key, or --signature");
	return 0;
}

static int load(const struct opts *o, struct cli_run *r, struct eif_seal *ret, struct ss_err *err)
{
	const int64_t now = io_clock_now();
	struct ss_err late = { 0 };

	if (o->signature == NULL)
		return eif_seal_load_key(o->certificate, o->key, now, ret, err);
	if (eif_seal_load_section(o->signature, ret, err) < 0)
		return -1;
	/* An old signature is what somebody wants who rebuilds an old image. */
	if (eif_signature_in_time(eif_seal_cert(ret), now, &late) < 0)
		ss_progress_note(r->progress, late.msg);
	return 0;
}

/* FILE itself, not the link that leads to it, is what is replaced. */
static int resolve(const char *path, char **ret, struct ss_err *err)
{
	*ret = realpath(path, NULL);
	if (*ret == NULL)
		return ss_fail_sys(err, "cannot open '%s'", path);
	return 0;
}

/* A key is the one file here that nobody can make again. */
static int check_output(const struct opts *o, struct ss_err *err)
{
	const char *const inputs[] = { o->key, o->certificate, o->signature };

	for (size_t i = 0; o->output != NULL && i < SS_NELEMS(inputs); i++)
		if (inputs[i] != NULL && project_path_same(o->output, inputs[i]))
			return ss_fail(err, SS_EUSAGE, "the output '%s' would replace '%s'",
				       o->output, inputs[i]);
	return 0;
}

static int run(struct cli_run *r, struct ss_err *err)
{
	const struct opts *o = r->opts;
	AUTO_EIF_FILE struct eif_file f = EIF_FILE_NONE;
	AUTO_SEAL struct eif_seal s = { 0 };
	AUTO_JSON json_t *j = NULL;
	AUTO_FREE char *own = NULL;
	struct eif_measurements m = { 0 };

	if (check_opts(o, err) < 0 || check_output(o, err) < 0 || load(o, r, &s, err) < 0 ||
	    eif_file_open(r->args[0], &f, err) < 0 ||
	    (o->output == NULL && resolve(r->args[0], &own, err) < 0) ||
	    eif_file_seal(&f, &s, o->output != NULL ? o->output : own, &m, err) < 0)
		return -1;
	if (!o->json) {
		cli_print_registers(&m, "");
		return 0;
	}
	j = json_object();
	cli_json_set(j, "Measurements", cli_registers_json(&m));
	return cli_json_print(j, err);
}

const struct cli_cmd cli_sign = {
	.name = "sign",
	.args = "FILE",
	.summary = "sign an enclave image, or attach a published signature",
	.about = "Measures an EIF, signs its PCR0 and adds the signature to the file, or replaces "
		 "the "
		 "one it has. The nonce is derived from key and message (RFC 6979), so signing "
		 "twice "
		 "gives the same file. The certificate must be valid now. PCR8 of the signed image "
		 "names the certificate.\n"
		 "With --signature nothing is signed: a signature that somebody published for the "
		 "same image is attached, if it was made by its certificate's key over the PCR0 "
		 "that "
		 "this file has; whoever rebuilt the image then has the very file that was "
		 "published. A certificate that has expired since is only reported.\n"
		 "FILE is replaced in one step, or not at all.",
	.examples = "selfsame sign --certificate cert.pem --key key.pem app.eif\n"
		    "selfsame sign --signature app.signature -o signed.eif app.eif\n",
	.no = "the signature to attach does not hold, or is over another image",
	.min_args = 1,
	.max_args = 1,
	.value = CLI_FILE,
	.opts = opt_table,
	.opts_size = sizeof(struct opts),
	.run = run,
};
