// SPDX-License-Identifier: Apache-2.0
#include "expr/conv.h"
#include "expr/format.h"
#include "proxy/answer.h"
#include "proxy/words.h"
#include "rule/rule.h"

// The tables, and the built-in answers that stand in `answers`, serve every configuration that the process reads.
void proxy_conf_boot(void)
{
    static struct arena answers;
    if (answers.blocks)
        return;
    arena_init(&answers);
    config_words_boot();
    expr_fetches_boot();
    expr_convs_boot();
    expr_aliases_boot();
    rule_boot();
    proxy_answer_boot(&answers);
}

bool proxy_conf_load(struct program_conf **out, struct config_diag *diag, struct arena *arena,
                     const struct proxy_load *load)
{
    struct program_conf *program = proxy_conf_new(arena);
    struct config config;
    proxy_conf_boot();
    config_init(&config, arena, diag, program);
    config.numeric_hosts = load->numeric_hosts;
    program->global.may_fork = load->may_fork;
    config.no_splice = program->global.no_splice = load->no_splice;
    config.no_server_verify = program->global.tls.server_verify_none = load->no_server_verify;
    program->ignore_unresolved = load->ignore_unresolved;
    for (size_t i = 0; i < load->num_files; i++)
        config_read_file(&config, load->files[i]);
    bool ok = !load->more || load->more(&config);
    // Names are looked up even after errors: all of them are to be told at once.
    ok &= proxy_conf_finish(&config, program);
    ok &= config_read_end(&config);
    config_fini(&config);
    *out = ok ? program : NULL;
    return ok;
}
