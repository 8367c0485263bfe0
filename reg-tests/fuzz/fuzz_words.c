// SPDX-License-Identifier: Apache-2.0
// Whole configurations with the words of all areas: what a user can write, from the text to the finished settings.
// Whatever the text, reading and finishing come to an end without a wrong access, and give a program only where no
// error was reported.
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include "base/check.h"
#include "config/env.h"
#include "config/word.h"
#include "expr/conv.h"
#include "expr/format.h"
#include "proxy/conf.h"
#include "rule/rule.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

// No name is looked up on the network: this stands before the C library's. One name is known, so that both ways are
// gone.
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **res)
{
    (void)service;
    if (!node || strcmp(node, "localhost") != 0 || (hints && hints->ai_family == AF_INET6))
        return EAI_NONAME;
    struct addrinfo *info = calloc(1, sizeof(*info) + sizeof(struct sockaddr_in));
    must(info);
    struct sockaddr_in *in = (struct sockaddr_in *)(info + 1);
    in->sin_family = AF_INET;
    in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    info->ai_family = AF_INET;
    info->ai_addr = (struct sockaddr *)in;
    info->ai_addrlen = sizeof(*in);
    *res = info;
    return 0;
}

void freeaddrinfo(struct addrinfo *res)
{
    free(res);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    proxy_conf_boot();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct arena arena;
    struct config_diag diag;
    struct config config;
    arena_init(&arena);
    config_diag_init(&diag, &arena);
    struct program_conf *program = proxy_conf_new(&arena);
    config_init(&config, &arena, &diag, program);
    config.env->is_private = true;
    config_read_text(&config, "fuzz.cfg", slice_of((const char *)data, len));
    bool ok = proxy_conf_finish(&config, program);
    ok &= config_read_end(&config);
    must(!ok || diag.num_errors == 0);
    config_fini(&config);
    arena_fini(&arena);
    return 0;
}
