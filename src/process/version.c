// SPDX-License-Identifier: Apache-2.0
#define PCRE2_CODE_UNIT_WIDTH 8
#include <stdio.h>
#include <openssl/base.h>
#include <openssl/crypto.h>
#include <pcre2.h>
#include <sys/capability.h>
#include <sys/utsname.h>
#include <zlib.h>
#include "base/text.h"
#include "board/board.h"
#include "config/config.h"
#include "config/feature.h"
#include "process/command.h"
#include "process/program.h"

const char *version_text(void)
{
    return FAIRLEAD_VERSION;
}

static void libraries_print(void)
{
    char pcre2[64] = "?";
    uint32_t has_jit = 0;
    pcre2_config(PCRE2_CONFIG_VERSION, pcre2);
    pcre2_config(PCRE2_CONFIG_JIT, &has_jit);
    printf("Built with BoringSSL : %s, API %d; running on %s\n", FAIRLEAD_BUILD_BORINGSSL, BORINGSSL_API_VERSION,
           SSLeay_version(SSLEAY_VERSION));
    printf("Built with PCRE2 : %d.%d; running on %s, JIT : %s\n", PCRE2_MAJOR, PCRE2_MINOR, pcre2,
           has_jit ? "yes" : "no");
    printf("Built with zlib : %s; running on %s\n", ZLIB_VERSION, zlibVersion());
    printf("Built with libcap : %d.%d\n", LIBCAP_MAJOR, LIBCAP_MINOR);
}

static void details_print(void)
{
    struct text features;
    text_init(&features);
    config_feature_list(&features);
    printf("\nBuild options :\n"
           "  TARGET  = %s\n"
           "  CC      = %s\n"
           "  CFLAGS  = %s\n"
           "\nFeature list : %s\n",
           FAIRLEAD_BUILD_TARGET, FAIRLEAD_BUILD_CC, FAIRLEAD_BUILD_CFLAGS, features.ptr ? features.ptr : "");
    text_fini(&features);
    printf("\nConfiguration language : HAProxy %s\n"
           "Processes : master, keeper, controller and up to %d workers a generation; board for %d at once\n"
           "Polling system : epoll, edge-triggered\n",
           CONFIG_LANGUAGE_LEVEL, PROCESS_MAX_WORKERS, BOARD_MAX_INCARNATIONS - 1);
    libraries_print();
}

void version_print(bool details)
{
    struct utsname system;
    printf("fairlead version %s - a load balancer that speaks HAProxy %s\n", FAIRLEAD_VERSION, CONFIG_LANGUAGE_LEVEL);
    if (uname(&system) == 0)
        printf("Running on: %s %s %s %s\n", system.sysname, system.release, system.version, system.machine);
    if (details)
        details_print();
}
