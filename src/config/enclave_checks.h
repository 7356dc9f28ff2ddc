/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "config/enclave_toml.h"

/*
 * What a value of enclave.toml must be beyond its type and bounds: the check functions of the
 * tables in enclave_toml.c (struct cfg_field.check). Some also store what the text means. `base` is
 * a struct cfg_enclave, or the struct of the list for the keys of one of it.
 */
int cfg_check_name(const struct toml_node *v, void *base, const char *name, struct ss_err *err);
int cfg_check_relative(const struct toml_node *v, void *base, const char *name, struct ss_err *err);
int cfg_check_absolute(const struct toml_node *v, void *base, const char *name, struct ss_err *err);
int cfg_check_hosts(const struct toml_node *v, void *base, const char *name, struct ss_err *err);
int cfg_check_allow_keys(const struct toml_node *v, void *base, const char *name,
			 struct ss_err *err);
int cfg_check_epoch(const struct toml_node *v, void *base, const char *name, struct ss_err *err);
int cfg_check_normalize(const struct toml_node *v, void *base, const char *name,
			struct ss_err *err);
int cfg_check_command(const struct toml_node *v, void *base, const char *name, struct ss_err *err);
int cfg_check_restart(const struct toml_node *v, void *base, const char *name, struct ss_err *err);
int cfg_check_tls(const struct toml_node *v, void *base, const char *name, struct ss_err *err);
int cfg_check_alpn(const struct toml_node *v, void *base, const char *name, struct ss_err *err);
int cfg_check_port(const struct toml_node *v, void *base, const char *name, struct ss_err *err);
int cfg_check_proto(const struct toml_node *v, void *base, const char *name, struct ss_err *err);
int cfg_check_egress(const struct toml_node *v, void *base, const char *name, struct ss_err *err);
int cfg_check_health_path(const struct toml_node *v, void *base, const char *name,
			  struct ss_err *err);
int cfg_check_secret_name(const struct toml_node *v, void *base, const char *name,
			  struct ss_err *err);
int cfg_check_secret_from(const struct toml_node *v, void *base, const char *name,
			  struct ss_err *err);
int cfg_check_secret_as(const struct toml_node *v, void *base, const char *name,
			struct ss_err *err);

/* Of a whole table, after its keys. */
int cfg_check_ingress(const struct toml_node *v, void *base, const char *name, struct ss_err *err);
int cfg_check_health(const struct toml_node *v, void *base, const char *name, struct ss_err *err);
int cfg_check_secret(const struct toml_node *v, void *base, const char *name, struct ss_err *err);
int cfg_check_sign(const struct toml_node *v, void *base, const char *name, struct ss_err *err);
