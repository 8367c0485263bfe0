// SPDX-License-Identifier: Apache-2.0
// Converters of JSON Web Tokens: their parts, and their signatures.
#include "expr/encode.h"
#include "expr/json.h"
#include "expr/jwt.h"
#include "expr/secret.h"

enum { ARG_ALGORITHM, ARG_KEY, NUM_ARGS };

// What a configuration says of the key.
struct jwt_verify {
    const struct expr_jwt_algorithm *algorithm; // NULL: in the variable that the first argument names
    const struct expr_jwt_key *key;             // NULL: the second argument is a secret, or a variable
};

// args[0].data and args[1].data are variables; what is constant stands in args[0].num, as an address.
static struct jwt_verify *verify_of(const struct expr_arg *args)
{
    return (struct jwt_verify *)(uintptr_t)args[ARG_ALGORITHM].num;
}

static const char *prepare_verify(struct config *config, struct expr_arg *args, uint32_t num)
{
    struct jwt_verify *verify = arena_alloc(config->arena, sizeof(*verify));
    (void)num;
    args[ARG_ALGORITHM].num = (int64_t)(uintptr_t)verify;
    args[ARG_ALGORITHM].data = expr_arg_variable(config, &args[ARG_ALGORITHM]);
    args[ARG_KEY].data = expr_arg_variable(config, &args[ARG_KEY]);
    if (!args[ARG_ALGORITHM].data) {
        verify->algorithm = expr_jwt_algorithm_find(args[ARG_ALGORITHM].str);
        if (!verify->algorithm)
            return arena_printf(config->arena,
                                "no JWT algorithm '%.*s', there are: none, and HS, RS, ES, PS with 256, 384 or 512",
                                (int)args[ARG_ALGORITHM].str.len, args[ARG_ALGORITHM].str.ptr);
        if (verify->algorithm->kind == EXPR_JWT_HMAC || verify->algorithm->kind == EXPR_JWT_NONE)
            return NULL;
    }
    if (args[ARG_KEY].data)
        return NULL;
    const char *path = args[ARG_KEY].str.ptr;
    if (path[0] != '/' && config->base_dir)
        path = arena_printf(config->arena, "%s/%s", config->base_dir, path);
    verify->key = expr_jwt_key_load(path);
    if (verify->key || !verify->algorithm)
        return NULL;
    return arena_printf(config->arena, "cannot read a public key (PEM) from %s", path);
}

static bool convert_verify(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    const struct jwt_verify *verify = verify_of(args);
    const struct expr_jwt_algorithm *algorithm = verify->algorithm;
    struct slice name, secret;
    if (!algorithm && !expr_arg_text(subject, &name, &args[ARG_ALGORITHM]))
        return false;
    if (!expr_arg_text(subject, &secret, &args[ARG_KEY]))
        return false;
    if (!algorithm)
        algorithm = expr_jwt_algorithm_find(name);
    enum expr_jwt_result result;
    if (!algorithm)
        result = EXPR_JWT_UNKNOWN_ALGORITHM;
    else if (algorithm->kind == EXPR_JWT_HMAC && !verify->algorithm && (verify->key || expr_jwt_key_find(secret)))
        // A token that names its algorithm itself must not be able to make a public key's file name its secret.
        result = EXPR_JWT_BAD_SIGNATURE;
    else
        result = expr_jwt_verify(sample->str, algorithm, secret, verify->key ? verify->key : expr_jwt_key_find(secret));
    *sample = (struct expr_sample){ .type = EXPR_INT, .num = result };
    return true;
}

static const char *prepare_query(struct config *config, struct expr_arg *args, uint32_t num)
{
    return num ? expr_json_query_prepare(config, args, num) : NULL;
}

// Decodes a part of a token, and looks into it where a path is given.
static bool query(struct expr_subject *subject, struct expr_sample *sample, struct slice part,
                  const struct expr_arg *args)
{
    char *text = expr_scratch_take(&subject->process->scratch, expr_base64_max(part.len));
    size_t len;
    if (!text || !expr_base64_decode(text, &len, part, EXPR_BASE64_URL))
        return false;
    *sample = (struct expr_sample){ .type = EXPR_STR, .str = slice_of(text, len) };
    return !args[0].str.ptr || expr_json_query(subject, sample, args);
}

static bool convert_header(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    struct expr_jwt jwt;
    return expr_jwt_split(&jwt, sample->str) && query(subject, sample, jwt.header, args);
}

static bool convert_payload(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    struct expr_jwt jwt;
    return expr_jwt_split(&jwt, sample->str) && query(subject, sample, jwt.payload, args);
}

#define QUERY .args = "[<json_path>[,<output_type>]]", .max_args = 2, .in = EXPR_STR, .prepare = prepare_query

static const struct expr_conv converters[] = {
    { .name = "jwt_header_query",
      QUERY,
      .out = EXPR_ANY,
      .convert = convert_header,
      .help = "The header of a JSON Web Token, decoded, or what json_query finds in it.",
      .good = "str(eyJhbGciOiJIUzI1NiJ9.e30.x),jwt_header_query('$.alg')",
      .gives = "HS256",
      .bad = "str(x),jwt_header_query('alg')",
      .bad_says = "jwt_header_query" },
    { .name = "jwt_payload_query",
      QUERY,
      .out = EXPR_ANY,
      .convert = convert_payload,
      .help = "The payload of a JSON Web Token, decoded, or what json_query finds in it.",
      .good = "str(e30.eyJzdWIiOiJtZSJ9.x),jwt_payload_query('$.sub')",
      .gives = "me",
      .bad = "str(x),jwt_payload_query('sub')",
      .bad_says = "jwt_payload_query" },
    { .name = "jwt_verify",
      .args = "<alg>,<key>",
      .min_args = NUM_ARGS,
      .max_args = NUM_ARGS,
      .in = EXPR_STR,
      .out = EXPR_INT,
      .prepare = prepare_verify,
      .convert = convert_verify,
      .help =
          "Whether the signature of a JSON Web Token holds: 1 yes, 0 no, -1 unknown algorithm, -3 no token, -4 out of "
          "memory, -5 unknown key. The algorithm (none, HS256, RS256, ES256, PS256 and their kin) is a word or a "
          "variable. The key is the secret for HS*, else a file that holds a public key (PEM: PUBLIC KEY or RSA "
          "PUBLIC KEY), read at boot; a variable may hold the secret, or the name of a file that some jwt_verify "
          "names. Where the algorithm is a variable and the key a file, HS* gives 0.",
      .good = "str(eyJhbGciOiJIUzI1NiJ9.e30.c2ln),jwt_verify(HS256,secret)",
      .gives = "0",
      .bad = "str(a.b.c),jwt_verify(HS257,secret)",
      .bad_says = "no JWT algorithm 'HS257'" },
};
EXPR_CONVERTERS(converters);
