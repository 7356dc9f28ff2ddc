/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/attr.h"

#include <stdbool.h>

/* Paths of a project as text; each result is the caller's. */

/* "dir/name"; `name` alone where dir is "." or name is absolute. */
SS_NONNULL char *project_path_join(const char *dir, const char *name);
/* The folder of a file: "." where it has none. */
SS_NONNULL char *project_path_dir(const char *file);
/* The real path of a file that need not be there; NULL if its folder is not. */
SS_NONNULL char *project_path_real(const char *file);
/* True if both are one file, or would be one. */
SS_NONNULL bool project_path_same(const char *a, const char *b);
/* True if the file lies in the folder or below it, or would. */
SS_NONNULL bool project_path_is_below(const char *dir, const char *file);
/* What `file` is called from `dir`, both resolved: "../x/file"; NULL where a folder is missing. */
SS_NONNULL char *project_path_relative(const char *dir, const char *file);
/* A source of enclave.toml: relative paths in it are relative to the file's folder. */
SS_NONNULL char *project_source_below(const char *dir, const char *source);
