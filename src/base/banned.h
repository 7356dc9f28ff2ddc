/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Functions that this project does not call; the compiler includes this file before every source
 * below src/ (meson.build), so that a call is an error that names the reason. The headers that
 * declare them come first, so that only calls are caught. The few places that may use one say
 * `#undef` with a reason. `readdir` and its kin give names in the file system's order: only src/io
 * reads folders.
 */
#ifndef SS_NOT_BANNED
#include <dirent.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#ifdef __linux__
#include <alloca.h>
#endif

/* clang-format off */
#undef strcpy
#define strcpy(...) banned_strcpy_has_no_bound
#undef strcat
#define strcat(...) banned_strcat_has_no_bound
#undef sprintf
#define sprintf(...) banned_sprintf_has_no_bound
#undef vsprintf
#define vsprintf(...) banned_vsprintf_has_no_bound
#undef strncpy
#define strncpy(...) banned_strncpy_may_leave_out_the_NUL
#undef strncat
#define strncat(...) banned_strncat_counts_what_is_left
#undef gets
#define gets(...) banned_gets_has_no_bound
#undef strtok
#define strtok(...) banned_strtok_keeps_state
#undef atoi
#define atoi(...) banned_atoi_cannot_fail
#undef atol
#define atol(...) banned_atol_cannot_fail
#undef strtol
#define strtol(...) banned_strtol_takes_spaces_and_signs
#undef scanf
#define scanf(...) banned_scanf_overflows_in_silence
#undef fscanf
#define fscanf(...) banned_fscanf_overflows_in_silence
#undef sscanf
#define sscanf(...) banned_sscanf_overflows_in_silence
#undef gmtime
#define gmtime(...) banned_gmtime_keeps_state
#undef localtime
#define localtime(...) banned_localtime_asks_the_time_zone
#undef ctime
#define ctime(...) banned_ctime_asks_the_time_zone
#undef mktemp
#define mktemp(...) banned_mktemp_races
#undef tmpnam
#define tmpnam(...) banned_tmpnam_races
#undef alloca
#define alloca(...) banned_alloca_has_no_bound
#undef system
#define system(...) banned_system_is_a_shell
#undef popen
#define popen(...) banned_popen_is_a_shell
#undef setlocale
#define setlocale(...) banned_setlocale_changes_outputs
#undef qsort
#define qsort(...) banned_qsort_is_not_stable_use_ss_sort
#undef readdir
#define readdir(...) banned_readdir_gives_the_file_systems_order
#undef scandir
#define scandir(...) banned_scandir_belongs_to_src_io
#undef alphasort
#define alphasort(...) banned_alphasort_asks_the_locale
/* clang-format on */
#endif
