// SPDX-License-Identifier: Apache-2.0
// What the program is and where it runs: libraries, the system, the form of JSON answers; and lists that are empty
// here, as those of HAProxy are where nothing of that kind is configured.
#include <link.h>
#include <sched.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "admin/value.h"
#include "admin/session.h"
#include "base/check.h"
#include "board/board.h"

static int add_library(struct dl_phdr_info *info, size_t len, void *out)
{
    uintptr_t first = UINTPTR_MAX, last = 0;
    (void)len;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        uintptr_t at = info->dlpi_addr + part->p_vaddr;
        if (part->p_type != PT_LOAD)
            continue;
        first = at < first ? at : first;
        last = at + part->p_memsz > last ? at + part->p_memsz : last;
    }
    if (last > first)
        text_printf(out, "0x%012llx-0x%012llx (0x%07llx) %s\n", (unsigned long long)first, (unsigned long long)last - 1,
                    (unsigned long long)(last - first),
                    info->dlpi_name && *info->dlpi_name ? info->dlpi_name : "fairlead");
    return 0;
}

static enum admin_verdict run_show_libs(struct admin_call *call)
{
    admin_severity_add(call->out, call->session, 6);
    dl_iterate_phdr(add_library, call->out);
    return ADMIN_DONE;
}

static void add_limit(struct text *out, const char *name, rlim_t limit)
{
    if (limit != RLIM_INFINITY)
        text_printf(out, "  %s: %llu\n", name, (unsigned long long)limit);
}

static void add_limits(struct text *out, const char *what, int resource)
{
    char name[64];
    struct rlimit limit;
    if (getrlimit(resource, &limit) != 0)
        return;
    snprintf(name, sizeof(name), "%s (soft)", what);
    add_limit(out, name, limit.rlim_cur);
    snprintf(name, sizeof(name), "%s (hard)", what);
    add_limit(out, name, limit.rlim_max);
}

static enum admin_verdict run_show_dev(struct admin_call *call)
{
    const struct admin_start *start = &call->admin->start;
    struct utsname system;
    text_printf(call->out, "Platform info\n");
    if (uname(&system) == 0)
        text_printf(call->out,
                    "  OS name: %s\n  OS release: %s\n  OS version: %s\n  OS architecture: %s\n"
                    "  node name: %s\n",
                    system.sysname, system.release, system.version, system.machine, system.nodename);
    // Not sysconf: it opens files, which a controller may not.
    cpu_set_t cpus;
    if (sched_getaffinity(0, sizeof(cpus), &cpus) == 0)
        text_printf(call->out, "  processors: %d\n", CPU_COUNT(&cpus));
    text_printf(call->out, "Process info\n  version: %s\n  generation: %u\n  pid of the controller: %d\n",
                start->version, start->generation, (int)getpid());
    text_printf(call->out, "  page size: %ld\n", sysconf(_SC_PAGESIZE));
    add_limits(call->out, "fd limit", RLIMIT_NOFILE);
    add_limits(call->out, "ram limit", RLIMIT_AS);
    return ADMIN_DONE;
}

// What admin_value_add_json writes, in the language of json-schema.org.
#define SCHEMA_NUMBER(name, type, least, most)                                                                         \
    "{\"title\":\"" name "\",\"type\":\"object\",\"properties\":{\"type\":{\"enum\":[\"" name "\"]},\"value\":"        \
    "{\"type\":\"" type "\",\"minimum\":" least ",\"maximum\":" most "}},\"required\":[\"type\",\"value\"]}"
#define SCHEMA_MEMBERS                                                                                                 \
    "\"field\":{\"$ref\":\"#/definitions/field\"},\"processNum\":{\"$ref\":\"#/definitions/processNum\"},"             \
    "\"tags\":{\"$ref\":\"#/definitions/tags\"},\"value\":{\"$ref\":\"#/definitions/typedValue\"}"

static const char schema[] =
    "{\"$schema\":\"http://json-schema.org/draft-04/schema#\",\"anyOf\":["
    "{\"title\":\"Info\",\"type\":\"array\",\"items\":{\"title\":\"InfoItem\",\"type\":\"object\",\"properties\":"
    "{" SCHEMA_MEMBERS "},\"required\":[\"field\",\"processNum\",\"tags\",\"value\"]}},"
    "{\"title\":\"Stat\",\"type\":\"array\",\"items\":{\"title\":\"StatObject\",\"type\":\"array\",\"items\":{"
    "\"title\":\"StatItem\",\"type\":\"object\",\"properties\":{"
    "\"objType\":{\"enum\":[\"Frontend\",\"Backend\",\"Listener\",\"Server\",\"Unknown\"]},"
    "\"proxyId\":{\"type\":\"integer\",\"minimum\":0},\"id\":{\"type\":\"integer\",\"minimum\":0}," SCHEMA_MEMBERS
    "},\"required\":[\"objType\",\"proxyId\",\"id\",\"field\",\"processNum\",\"tags\",\"value\"]}}},"
    "{\"title\":\"Error\",\"type\":\"object\",\"properties\":{\"errorStr\":{\"type\":\"string\"}},"
    "\"required\":[\"errorStr\"]}],"
    "\"definitions\":{"
    "\"field\":{\"type\":\"object\",\"properties\":{\"pos\":{\"type\":\"integer\",\"minimum\":0},"
    "\"name\":{\"type\":\"string\"},\"desc\":{\"type\":\"string\"}},\"required\":[\"pos\",\"name\"]},"
    "\"processNum\":{\"type\":\"integer\",\"minimum\":1},"
    "\"tags\":{\"type\":\"object\",\"properties\":{"
    "\"origin\":{\"enum\":[\"Metric\",\"Status\",\"Key\",\"Config\",\"Product\",\"Unknown\"]},"
    "\"nature\":{\"enum\":[\"Gauge\",\"Limit\",\"Min\",\"Max\",\"Rate\",\"Counter\",\"Duration\",\"Age\",\"Time\","
    "\"Name\",\"Output\",\"Avg\",\"Unknown\"]},"
    "\"scope\":{\"enum\":[\"Cluster\",\"Process\",\"Service\",\"System\",\"Unknown\"]}},"
    "\"required\":[\"origin\",\"nature\",\"scope\"]},"
    "\"typedValue\":{\"oneOf\":[" SCHEMA_NUMBER("s32", "integer", "-2147483648", "2147483647") "," SCHEMA_NUMBER(
        "s64", "integer", "-9007199254740991",
        "9007199254740991") "," SCHEMA_NUMBER("u32", "integer", "0",
                                              "4294967295") "," SCHEMA_NUMBER("u64", "integer", "0",
                                                                              "18446744073709551615") ","
                                                                                                      "{\"title\":"
                                                                                                      "\"flt\","
                                                                                                      "\"type\":"
                                                                                                      "\"object\","
                                                                                                      "\"properties\":{"
                                                                                                      "\"type\":{"
                                                                                                      "\"enum\":["
                                                                                                      "\"flt\"]},"
                                                                                                      "\"value\":{"
                                                                                                      "\"type\":"
                                                                                                      "\"number\"}},"
                                                                                                      "\"required\":["
                                                                                                      "\"type\","
                                                                                                      "\"value\"]},"
                                                                                                      "{\"title\":"
                                                                                                      "\"str\","
                                                                                                      "\"type\":"
                                                                                                      "\"object\","
                                                                                                      "\"properties\":{"
                                                                                                      "\"type\":{"
                                                                                                      "\"enum\":["
                                                                                                      "\"str\"]},"
                                                                                                      "\"value\":{"
                                                                                                      "\"type\":"
                                                                                                      "\"string\"}},"
                                                                                                      "\"required\":["
                                                                                                      "\"type\","
                                                                                                      "\"value\"]}]}}}"
                                                                                                      "\n";

void admin_schema_add(struct text *out)
{
    text_add(out, schema, sizeof(schema) - 1);
}

static enum admin_verdict run_show_schema(struct admin_call *call)
{
    admin_schema_add(call->out);
    return ADMIN_DONE;
}

static enum admin_verdict run_show_none(struct admin_call *call)
{
    (void)call;
    return ADMIN_DONE;
}

static enum admin_verdict run_show_peers(struct admin_call *call)
{
    uint32_t at = call->num_args && (strcmp(call->args[0], "dict") == 0 || strcmp(call->args[0], "-") == 0);
    return call->num_args > at ? admin_refuse(call, "No such peers\n") : ADMIN_DONE;
}

static enum admin_verdict run_show_resolvers(struct admin_call *call)
{
    return call->num_args ? admin_refuse(call, "Can't find that resolvers section\n") : ADMIN_DONE;
}

static const struct admin_command commands[] = {
    { .name = "show libs",
      .level = ADMIN_LEVEL_OPERATOR,
      .where = ADMIN_ON_ANY,
      .help = "list the loaded object files and shared libraries",
      .run = run_show_libs },
    { .name = "show dev",
      .level = ADMIN_LEVEL_OPERATOR,
      .where = ADMIN_ON_ANY,
      .help = "tell what system this is, and its limits",
      .run = run_show_dev },
    { .name = "show schema json",
      .level = ADMIN_LEVEL_USER,
      .where = ADMIN_ON_SERVICE,
      .help = "tell the form of answers in JSON, as a JSON schema",
      .run = run_show_schema },
    { .name = "show cache",
      .level = ADMIN_LEVEL_OPERATOR,
      .where = ADMIN_ON_SERVICE,
      .max_args = ADMIN_MAX_WORDS,
      .help = "list caches, of which there are none",
      .run = run_show_none },
    { .name = "show peers",
      .level = ADMIN_LEVEL_USER,
      .where = ADMIN_ON_SERVICE,
      .max_args = 2,
      .args = "[dict|-] [<section>]",
      .help = "list peers, of which there are none",
      .run = run_show_peers },
    { .name = "show resolvers",
      .level = ADMIN_LEVEL_USER,
      .where = ADMIN_ON_SERVICE,
      .max_args = 1,
      .args = "[<section>]",
      .help = "list resolvers sections, of which there are none",
      .run = run_show_resolvers },
};
ADMIN_COMMANDS(commands);
