/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hex.h"
#include "base/show.h"
#include "cli/describe.h"
#include "cli/out.h"
#include "cli/registers.h"

#include <stdio.h>
#include <string.h>

#define ULL(x) ((unsigned long long)(x))

/* An error's text, or a finding: escaped already where it quotes the file. */
static void print_line(struct ss_span line)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT((size_t)8 * SS_ERR_MSG_MAX);

	ss_show_line(&b, line);
	if (b.n > 0)
		(void)fwrite(b.p, 1, b.n, stdout);
}

static void print_message(const char *msg)
{
	print_line((struct ss_span){ (const uint8_t *)msg, strlen(msg) });
}

static void print_header(const struct eif_file *f)
{
	const struct eif_header *h = &f->header;

	(void)printf("file        ");
	cli_print_str(f->path);
	(void)printf("\nformat      EIF version %u for %s\n", h->version,
		     (h->flags & EIF_FLAG_ARM64) != 0 ? "aarch64" : "x86_64");
	(void)printf("flags       0x%04x%s%s%s\n", h->flags,
		     (h->flags & EIF_FLAG_ARM64) != 0 ? " arm64" : "",
		     (h->flags & EIF_FLAG_PCIE) != 0 ? " pcie" : "",
		     (h->flags & EIF_FLAG_PCIE_VIRTIO) != 0 ? " pcie-virtio" : "");
	(void)printf("size        %llu bytes\n", ULL(f->size));
	(void)printf("CRC-32      %08x, correct\n", h->crc32);
	(void)printf("hints       %llu bytes of memory, %llu CPUs (not measured)\n",
		     ULL(h->default_mem), ULL(h->default_cpus));
}

static void print_sections(const struct eif_file *f)
{
	(void)printf("\nsections         offset         size\n");
	for (size_t i = 0; i < f->header.n_sections; i++) {
		const struct eif_section *s = &f->sections[i];

		(void)printf("  %-9s%12llu %12llu\n", eif_section_name(s->type), ULL(s->offset),
			     ULL(s->size));
	}
}

static void print_measurements(const struct eif_measurements *m)
{
	char hex[2 * CRYPTO_SHA384_SIZE + 1];

	(void)printf("\nregisters\n");
	cli_print_registers(m, "  ");
	(void)printf("\nSHA-384 of the parts\n");
	for (size_t i = 0; i < m->n_parts; i++) {
		char name[CLI_PART_SIZE];

		cli_part_name(m, i, name);
		ss_hex((struct ss_span){ m->parts[i].sha384, CRYPTO_SHA384_SIZE }, hex);
		(void)printf("  %-9s %s\n", name, hex);
	}
}

static void print_layout(const struct cli_described *d)
{
	const char *line = (const char *)d->findings.p;
	size_t left = d->findings.n;

	(void)printf("\nlayout of ramdisk 1\n  %s\n", eif_layout_name(d->layout));
	while (left > 0) {
		const size_t n = (size_t)((const char *)memchr(line, '\n', left) - line);

		(void)printf("  finding: ");
		print_line((struct ss_span){ (const uint8_t *)line, n });
		(void)printf("\n");
		line += n + 1;
		left -= n + 1;
	}
	if (d->n_findings > CLI_FINDINGS)
		(void)printf("  and %zu more findings\n", d->n_findings - CLI_FINDINGS);
}

static void print_name(void *ctx, const char *name, struct ss_span value)
{
	bool *first = ctx;

	(void)printf("%s", *first ? "" : ", ");
	*first = false;
	cli_print_str(name);
	(void)printf("=");
	cli_print_text(value);
}

static void print_answer(const char *what, const char *yes, const struct ss_err *answer)
{
	(void)printf("  %-10s", what);
	print_message(answer->code == SS_OK ? yes : answer->msg);
	(void)printf("\n");
}

static void print_signature(const struct eif_examined *x)
{
	char from[CRYPTO_DATE_SIZE], to[CRYPTO_DATE_SIZE];
	bool first = true;

	(void)printf("\nsignature\n");
	if (!x->is_signed) {
		(void)printf("  none\n");
		return;
	}
	if (x->readable.code != SS_OK) {
		(void)printf("  unreadable: ");
		print_message(x->readable.msg);
		(void)printf("\n");
		return;
	}
	(void)printf("  signer    ");
	crypto_cert_subject(x->cert, print_name, &first);
	first = true;
	(void)printf("\n  issuer    ");
	crypto_cert_issuer(x->cert, print_name, &first);
	crypto_date_text(crypto_cert_not_before(x->cert), from);
	crypto_date_text(crypto_cert_not_after(x->cert), to);
	(void)printf("\n  valid     %s to %s\n", from, to);
	(void)printf("  algorithm %s\n", eif_signature_algorithm(x->section.curve));
	print_answer("key", "the certificate's key made the signature", &x->holds);
	if (x->comparable)
		print_answer("payload", "PCR0 of this file", &x->covers);
	else
		(void)printf("  payload   not compared: PCR0 is not computable\n");
	print_answer("dates", "the certificate is valid now", &x->in_time);
}

/* A string as it is, anything else as JSON. */
static void print_value(const char *label, const json_t *v)
{
	char *text;

	if (v == NULL)
		return;
	(void)printf("  %-13s", label);
	if (json_is_string(v)) {
		cli_print_text((struct ss_span){ (const uint8_t *)json_string_value(v),
						 json_string_length(v) });
	} else {
		text = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT);
		if (text != NULL)
			cli_print_str(text);
		free(text);
	}
	(void)printf("\n");
}

static void print_metadata(const struct cli_described *d)
{
	const json_t *build = json_object_get(d->metadata, "BuildMetadata");
	const json_t *docker = json_object_get(d->metadata, "DockerInfo");
	const json_t *custom = json_object_get(d->metadata, "CustomMetadata");

	(void)printf("\nmetadata (in no register: never to be trusted)\n");
	if (d->metadata == NULL) {
		(void)printf("  ");
		print_message(d->metadata_err.code != SS_OK ? d->metadata_err.msg : "none");
		(void)printf("\n");
		return;
	}
	print_value("name", json_object_get(d->metadata, "ImageName"));
	print_value("version", json_object_get(d->metadata, "ImageVersion"));
	print_value("built", json_object_get(build, "BuildTime"));
	print_value("tool", json_object_get(build, "BuildTool"));
	print_value("tool version", json_object_get(build, "BuildToolVersion"));
	print_value("system", json_object_get(build, "OperatingSystem"));
	print_value("kernel", json_object_get(build, "KernelVersion"));
	if (docker != NULL && !json_is_null(docker))
		(void)printf("  docker       present; --json shows it\n");
	if (custom != NULL && !json_is_null(custom))
		print_value("custom", custom);
}

void cli_describe_text(const struct cli_described *d)
{
	print_header(&d->file);
	print_sections(&d->file);
	print_measurements(&d->m);
	print_layout(d);
	print_signature(&d->signature);
	print_metadata(d);
}
