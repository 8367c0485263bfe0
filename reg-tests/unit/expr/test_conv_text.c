// SPDX-License-Identifier: Apache-2.0
// What is not marked otherwise was compared with HAProxy 2.6.
#include "expr/conv_cases.h"

static void letters_and_ends(void **state)
{
    static const struct conv_case cases[] = {
        { "str(),lower", "" },
        { "str(aBc.1),lower", "abc.1" },
        { "str(aBc.1),upper", "ABC.1" },
        { "str(%C3%89Z),url_dec,lower", "\xc3\x89z" },
        { "str(aaa),ltrim(a)", "" },
        { "str(cba),ltrim(abc)", "" },
        { "str(cbxa),ltrim(abc)", "xa" },
        { "str(cbxa),rtrim(abc)", "cbx" },
        { "str(' a '),ltrim(' ')", "a " },
        { "str(abc),cut_crlf", "abc" },
        { "str(abc%0Adef%0D),url_dec,cut_crlf", "abc" },
        { "str(abc%0D%0Adef),url_dec,cut_crlf", "abc" },
        { "str(%0Adef),url_dec,cut_crlf", "" },
        // has_ctl is newer than 2.6.
        { "str(abc),has_ctl", "0" },
        { "str(a%09c),url_dec,has_ctl", "0" },
        { "str(a%09c),url_dec,has_ctl(any)", "1" },
        { "str(a%7Fc),url_dec,has_ctl", "1" },
        { "str(a%7Fc),url_dec,has_ctl(http)", "0" },
        { "str(a%0Ac),url_dec,has_ctl(http)", "1" },
        { "str(a%1Fc),url_dec,has_ctl(0x80000000)", "1" },
        { "str(a%1Ec),url_dec,has_ctl(0x80000000)", "0" },
        { "str(a%01c),url_dec,has_ctl(2)", "1" },
        { "str(a%7Fc),url_dec,has_ctl(4294967296)", "1" },
        { "str(%FF),url_dec,has_ctl", "0" },
    };
    static const struct conv_bad bad[] = {
        { "str(a),ltrim", "takes (<chars>)" },           { "str(a),rtrim(\"\")", "characters to remove" },
        { "str(a),ltrim(a,b)", "takes (<chars>)" },      { "str(a),has_ctl(0x)", "up to 33 bits" },
        { "str(a),has_ctl(8589934592)", "up to 33" },    { "str(a),has_ctl(0x1g)", "up to 33 bits" },
        { "str(a),has_ctl(0x11fffffffff)", "up to 33" }, { "str(a),lower(x)", "takes no arguments" },
    };
    conv_check(*state, cases, NUM_ITEMS(cases));
    conv_check_bad(*state, bad, NUM_ITEMS(bad));
}

static void fields_and_words(void **state)
{
    static const struct conv_case cases[] = {
        { "str(f1_f2_f3__f5),field(4,_)", "" },
        { "str(f1_f2_f3__f5),field(5,_)", "f5" },
        { "str(f1_f2_f3__f5),field(6,_)", NULL },
        { "str(f1_f2_f3__f5),field(2,_,0)", "f2_f3__f5" },
        { "str(f1_f2_f3__f5),field(2,_,2)", "f2_f3" },
        { "str(f1_f2_f3__f5),field(2,_,9)", "f2_f3__f5" },
        { "str(f1_f2_f3__f5),field(-1,_)", "f5" },
        { "str(f1_f2_f3__f5),field(-2,_)", "" },
        { "str(f1_f2_f3__f5),field(-2,_,3)", "f2_f3_" },
        { "str(f1_f2_f3__f5),field(-3,_,0)", "f1_f2_f3" },
        { "str(f1_f2_f3__f5),field(-6,_)", NULL },
        { "str('a,b;c'),field(2,\",;\")", "b" },
        { "str(),field(1,_)", "" },
        { "str(),field(2,_)", NULL },
        { "str(_),field(2,_)", "" },
        { "str(abc),field(1,_,0)", "abc" },
        { "str(a_b),field(9223372036854775807,_)", NULL },
        { "str(a_b),field(-9223372036854775808,_)", NULL },
        { "str(f1_f2_f3__f5),word(4,_)", "f5" },
        { "str(f1_f2_f3__f5),word(5,_)", "" },
        { "str(f1_f2_f3__f5),word(2,_,0)", "f2_f3__f5" },
        { "str(f1_f2_f3__f5),word(3,_,2)", "f3__f5" },
        { "str(f1_f2_f3__f5),word(-2,_,3)", "f1_f2_f3" },
        { "str(f1_f2_f3__f5),word(-3,_,0)", "f1_f2" },
        { "str(/f1/f2/f3/f4),word(1,/)", "f1" },
        { "str(/f1////f2/f3/f4),word(2,/)", "f2" },
        { "str(_f1__f2_),word(2,_)", "f2" },
        { "str(_f1__f2_),word(2,_,2)", "f2_" },
        { "str(_f1__f2_),word(1,_,2)", "f1__f2" },
        { "str(_f1__f2_),word(1,_,9)", "f1__f2_" },
        { "str(_f1__f2_),word(-2,_,3)", "_f1" },
        { "str(__),word(1,_)", "" },
        { "str(),word(-1,_)", "" },
        { "str(a_b),word(9223372036854775807,_)", "" },
        // param is newer than 2.6; these are the manual's.
        { "str(a=b&c=d&a=r),param(a)", "b" },
        { "str(a&b=c),param(a)", "" },
        { "str(a=&b&c=a),param(b)", "" },
        { "str(a=1;b=2;c=4),param(b,;)", "2" },
        { "str(ab=1&a=2),param(a)", "2" },
        { "str(&&a==),param(a)", "=" },
        { "str(b=a),param(a)", NULL },
        { "str(),param(a)", NULL },
    };
    static const struct conv_bad bad[] = {
        { "str(a),field(0,_)", "counts from 1" },
        { "str(a),field(x,_)", "counts from 1" },
        { "str(a),field(1,)", "characters" },
        { "str(a),field(1)", "takes (<index>" },
        { "str(a),field(1,_,x)", "its count" },
        { "str(a),word(1,_,-1)", "its count" },
        { "str(a),word(1,_,1,1)", "takes (<index>" },
        { "str(a),param(a,&&)", "one character" },
        { "str(a),param(\"\",x)", "name of a parameter" },
    };
    conv_check(*state, cases, NUM_ITEMS(cases));
    conv_check_bad(*state, bad, NUM_ITEMS(bad));
}

static void urls_and_hosts(void **state)
{
    static const struct conv_case cases[] = {
        { "str(a+b),url_dec", "a+b" },
        { "str(a+b?c+d),url_dec", "a+b?c d" },
        { "str(a+b),url_dec(1)", "a b" },
        { "str(a+b),url_dec(0)", "a+b" },
        { "str(%3f+),url_dec", "?+" },
        { "str(%2b+),url_dec(1)", "+ " },
        { "str(%25%34%31),url_dec", "%41" },
        { "str(a%2),url_dec", NULL },
        { "str(%),url_dec", NULL },
        { "str(%zz),url_dec", NULL },
        { "str(),url_dec", "" },
        { "str(az09-_.~),url_enc", "az09-_.~" },
        { "str('a b/?'),url_enc(query)", "a%20b%2F%3F" },
        { "str(%00%FF),url_dec,url_enc", "%00%FF" },
        { "str(HostName:80),host_only", "hostname" },
        { "str(127.0.0.1),host_only", "127.0.0.1" },
        { "str([::A]),host_only", "[::a]" },
        { "str([::1]:80),host_only", "[::1]" },
        { "str(a:),host_only", "a" },
        { "str(:80),host_only", "" },
        { "str([a]5),host_only", "[a]5" },
        { "str(hostname),port_only", "0" },
        { "str(hostname:80),port_only", "80" },
        { "str([::1]),port_only", "0" },
        { "str([::1]:443),port_only", "443" },
        { "str(a:),port_only", "0" },
        { "str(a:99999),port_only", "99999" },
        { "str(a:x),port_only", NULL }, // 2.6 gives a meaningless number
        { "str(1.2.3.4),ipmask(24)", "1.2.3.0" },
        { "str(1.2.3.4),ipmask(255.0.255.0)", "1.0.3.0" },
        { "str(1.2.3.4),ipmask(0)", "0.0.0.0" },
        { "str(2001:db8:1:2:3:4:5:6),ipmask(24,64)", "2001:db8:1:2::" },
        { "str(2001:db8:1:2:3:4:5:6),ipmask(24,ffff:ffff::)", "2001:db8::" },
        { "str(2001:db8::1),ipmask(24)", NULL },
        { "str(::ffff:1.2.3.4),ipmask(24,0)", "1.2.3.0" },
        { "int(1094861636),htonl", "ABCD" },
        { "int(-8245604270698),htonl,length", "4" },
        { "str(012345),bytes(0)", "012345" },
        { "str(012345),bytes(1,3)", "123" },
        { "str(012345),bytes(5,9)", "5" },
        { "str(012345),bytes(6)", "" },
        { "str(012345),bytes(-1)", "" },
        { "str(012345),bytes(1,-1)", "" }, // the 3.2 manual; 2.6 gives the rest
        { "str(012345),bytes(0,0)", "" },
        { "str(012345),bytes(txn.none)", NULL },
    };
    static const struct conv_bad bad[] = {
        { "str(a),url_dec(x)", "an integer" },      { "str(a),url_enc(path)", "only encoding" },
        { "str(a),ipmask(33)", "IPv4 mask" },       { "str(a),ipmask(24,129)", "IPv6 mask" },
        { "str(a),ipmask(/24)", "IPv4 mask" },      { "str(a),ipmask(255.255)", "IPv4 mask" },
        { "str(a),bytes(x)", "a variable's name" }, { "str(a),bytes", "takes (<offset>" },
    };
    conv_check(*state, cases, NUM_ITEMS(cases));
    conv_check_bad(*state, bad, NUM_ITEMS(bad));
}

static void replacing(void **state)
{
    static const struct conv_case cases[] = {
        { "str(/////a///b/c/xzxyz/),regsub('/+',/,g)", "/a/b/c/xzxyz/" },
        { "str(///a//b),regsub('/+',/)", "/a//b" },
        { "str(?a;b&c),regsub([?;&]*,'')", "a;b&c" },
        { "str(?a;b&c),regsub([?;&]*,'',g)", "abc" },
        { "str(foo12bar),regsub('(foo|bar)([0-9]+)?','\\2\\1',i)", "12foobar" },
        { "str(foo12bar),regsub('(foo|bar)([0-9]+)?','[\\2\\1]',gi)", "[12foo][bar]" },
        { "str(aAa),regsub(a,b,gi)", "bbb" },
        { "str(abc),regsub('b*',-,g)", "-a--c-" },
        { "str(abc),regsub('$',x,g)", "abcxx" },
        { "str(abc),regsub('^',x,g)", "xabc" },
        { "str(aaa),regsub('^a',b,g)", "baa" },
        { "str(abc),regsub('a|^',-,g)", "-bc" },
        { "str(),regsub('x*',-,g)", "-" },
        { "str(a),regsub(a,'\\0\\0\\9')", "aa" },
        { "str(a),regsub(.,'\\x41\\n')", "An" },
        { "str(a),regsub(a,'&')", "&" },
        { "str(aaa),regsub('(?<=a)a',b,g)", "abb" }, // 2.6 does not look behind a match
    };
    static const struct conv_bad bad[] = {
        { "str(a),regsub('(',x)", "regsub" },
        { "str(a),regsub(a,b,x)", "'i' and 'g'" },
        { "str(a),regsub(a)", "takes (<regex>" },
        { "str(a),regsub(\"\",x)", "regular expression is expected" },
    };
    conv_check(*state, cases, NUM_ITEMS(cases));
    conv_check_bad(*state, bad, NUM_ITEMS(bad));
}

static void languages(void **state)
{
    static const struct conv_case cases[] = {
        { "str(en),language(es;fr;en)", "en" },
        { "str('en,fr'),language(es;fr;en)", "en" },
        { "str('fr;q=0.8,en;q=0.9'),language(es;fr;en)", "en" },
        { "str('en-US,en;q=0.5'),language(en-US;en)", "en-US" },
        { "str('en-US'),language(en)", "en" },
        { "str('EN'),language(en)", NULL },
        { "str(de),language(es;fr;en,xx)", "xx" },
        { "str('fr;q=0'),language(fr)", NULL },
        { "str('fr;q=0,en'),language(fr;en)", "en" }, // the manual; 2.6 stops there
        { "str('en;q=0.999,fr;q=0.998'),language(fr;en)", "en" },
        { "str(' fr ; q = 0.9 , en;q=0.8'),language(fr;en)", "fr" },
        { "str('fr;q=0.1,en;q=0.1'),language(fr;en)", "fr" },
        { "str('en;q=x,fr'),language(fr;en)", "en" },
        { "str(),language(en)", NULL },
    };
    static const struct conv_bad bad[] = { { "str(a),language(;)", "languages" },
                                           { "str(a),language", "takes (<value>" } };
    conv_check(*state, cases, NUM_ITEMS(cases));
    conv_check_bad(*state, bad, NUM_ITEMS(bad));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(letters_and_ends), cmocka_unit_test(fields_and_words), cmocka_unit_test(urls_and_hosts),
        cmocka_unit_test(replacing),        cmocka_unit_test(languages),
    };
    return cmocka_run_group_tests(tests, conv_setup, conv_teardown);
}
