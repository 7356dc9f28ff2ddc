/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "cli/describe.h"
#include "cli/out.h"
#include "cli/registers.h"
#include "fmt/json.h"

#include <stdio.h>
#include <string.h>

static void put_issuer(void *ctx, const char *name, struct ss_span value)
{
	cli_json_text(ctx, name, value);
}

/* The least key above `last`, or NULL. */
static const char *next_key(json_t *o, const char *last)
{
	const char *least = NULL;
	const char *key;
	json_t *value;

	json_object_foreach(o, key, value)
	{
		if (strcmp(key, last) > 0 && (least == NULL || strcmp(key, least) < 0))
			least = key;
	}
	return least;
}

/* nitro-cli sorts the issuer's names; jansson keeps the order in which they are set. */
static json_t *sorted(json_t *o)
{
	json_t *ret = json_object();

	for (const char *key = next_key(o, ""); key != NULL; key = next_key(o, key))
		cli_json_set(ret, key, json_incref(json_object_get(o, key)));
	json_decref(o);
	return ret;
}

static json_t *date(int64_t unix_s)
{
	char text[CRYPTO_DATE_SIZE];

	crypto_date_text(unix_s, text);
	return json_string(text);
}

/* "30:81:88:…" */
static json_t *colons(struct ss_span s)
{
	AUTO_FREE char *text = ss_calloc(s.n + 1, 3);

	for (size_t i = 0; i < s.n; i++)
		(void)snprintf(text + 3 * i, 4, "%02X%s", s.p[i], i + 1 < s.n ? ":" : "");
	return json_string(text);
}

static json_t *certificate(const struct crypto_cert *c)
{
	json_t *o = json_object();
	json_t *issuer = json_object();
	char algorithm[128];

	crypto_cert_issuer(c, put_issuer, issuer);
	crypto_cert_algorithm(c, algorithm, sizeof(algorithm));
	cli_json_set(o, "IssuerName", sorted(issuer));
	cli_json_set(o, "Algorithm", json_string(algorithm));
	cli_json_set(o, "NotBefore", date(crypto_cert_not_before(c)));
	cli_json_set(o, "NotAfter", date(crypto_cert_not_after(c)));
	cli_json_set(o, "Signature", colons(crypto_cert_signature(c)));
	return o;
}

static void copy(json_t *to, const char *key, const json_t *from)
{
	json_t *value = json_object_get(from, key);

	if (value != NULL)
		cli_json_set(to, key, json_incref(value));
}

/* BuildMetadata and the custom keys are laid flat, as nitro-cli does. */
static json_t *metadata(const json_t *m)
{
	static const char *const build_keys[] = { "BuildTime", "BuildTool", "BuildToolVersion",
						  "OperatingSystem", "KernelVersion" };
	const json_t *build = json_object_get(m, "BuildMetadata");
	json_t *custom = json_object_get(m, "CustomMetadata");
	json_t *o = json_object();
	const char *key;
	json_t *value;

	for (size_t i = 0; i < SS_NELEMS(build_keys); i++)
		copy(o, build_keys[i], build);
	copy(o, "DockerInfo", m);
	json_object_foreach(custom, key, value)
	{
		if (json_object_get(o, key) == NULL)
			cli_json_set(o, key, json_incref(value));
	}
	return o;
}

int cli_describe_json(const struct cli_described *d, struct ss_err *err)
{
	AUTO_JSON json_t *o = json_object();

	cli_json_set(o, "EifVersion", json_integer(d->file.header.version));
	cli_json_set(o, "Measurements", cli_registers_json(&d->m));
	cli_json_set(o, "IsSigned", json_boolean(d->signature.is_signed));
	if (d->signature.cert != NULL)
		cli_json_set(o, "SigningCertificate", certificate(d->signature.cert));
	cli_json_set(o, "CheckCRC", json_true()); /* another CRC is refused before */
	if (d->signature.is_signed)
		cli_json_set(o, "SignatureCheck", json_boolean(eif_examined_check(&d->signature)));
	if (d->metadata != NULL) {
		copy(o, "ImageName", d->metadata);
		copy(o, "ImageVersion", d->metadata);
		if (json_is_object(json_object_get(d->metadata, "BuildMetadata")))
			cli_json_set(o, "Metadata", metadata(d->metadata));
	}
	return cli_json_print(o, err);
}
