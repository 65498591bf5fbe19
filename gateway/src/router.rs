//! The router: from a method and a path to an rpc and the parameters its path names.
//!
//! A tree of path segments made from the contract at start. A literal segment wins over a parameter, so
//! `/inventory/levels` and `/inventory/{product_id}` live side by side. Paths have one form only: a literal matches
//! byte for byte, and a parameter that decodes to something a path could not plainly say (nothing, `.`, `..`, a slash,
//! a control character, broken UTF-8) matches nothing. So there is no second spelling under which a route could be
//! reached with another decision about who may.

use std::borrow::Cow;
use std::collections::BTreeSet;

use actix_web::http::Method;
use actix_web::http::header::HeaderValue;
use messages::route::Route;

/// All routes of the contract.
#[derive(Debug)]
pub(crate) struct Router {
    root: Node,
}

/// What a path parameter is called and what it says.
pub(crate) type Param<'a> = (&'static str, Cow<'a, str>);

/// Where a request goes.
#[derive(Debug)]
pub(crate) enum Found<'a> {
    /// To this rpc.
    Route(Endpoint, Vec<Param<'a>>),
    /// The path exists, but not for this method.
    MethodNotAllowed(&'a HeaderValue),
    /// There is no such path.
    Nothing,
}

/// An rpc as reached by one method and path.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Endpoint {
    pub(crate) route: &'static Route,
    /// The rpc that shows what this one changes.
    pub(crate) reads: Option<&'static Route>,
    /// Whether the body is a patch of what the rpc replaces.
    pub(crate) patch: bool,
    /// Where its metrics are counted.
    pub(crate) index: usize,
}

/// A point in the tree.
#[derive(Debug, Default)]
struct Node {
    literals: Vec<(&'static str, Node)>,
    param: Option<Box<Node>>,
    methods: Vec<(Method, Leaf)>,
    allow: Option<HeaderValue>,
}

/// The end of a path. Parameter names belong to the leaf: routes that share a tree may call the same segment
/// differently.
#[derive(Debug)]
struct Leaf {
    endpoint: Endpoint,
    params: Vec<&'static str>,
}

/// Why the contract's routes do not fit together. A bug of the contract, found at start and by a test.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the contract has two answers to {method} {path}")]
pub struct Ambiguous {
    /// The method.
    pub method: String,
    /// The path.
    pub path: String,
}

impl Router {
    /// The tree of these routes. Every PUT that says what it reads also accepts PATCH.
    ///
    /// # Errors
    /// When two routes have the same method and path.
    pub(crate) fn new(routes: &[&'static Route]) -> Result<Router, Ambiguous> {
        let mut root = Node::default();
        for (index, route) in routes.iter().copied().enumerate() {
            let shows = |other: &&Route| other.group == route.group && Some(other.rpc) == route.reads;
            let reads = routes.iter().copied().find(shows);
            for http in route.http {
                let endpoint = Endpoint { route, reads, patch: false, index };
                let method = method(http.method);
                root.add(http.path, method.clone(), endpoint)?;
                if method == Method::PUT && reads.is_some() {
                    root.add(http.path, Method::PATCH, Endpoint { patch: true, ..endpoint })?;
                }
            }
        }
        root.finish();
        Ok(Router { root })
    }

    /// Where a request with this method and (raw, still encoded) path goes.
    pub(crate) fn find<'a>(&'a self, method: &Method, path: &'a str) -> Found<'a> {
        let Some(rest) = path.strip_prefix('/') else { return Found::Nothing };
        let mut captured = Vec::with_capacity(4);
        let Some(node) = self.root.walk(rest, &mut captured) else { return Found::Nothing };
        let wanted = if method == Method::HEAD { &Method::GET } else { method };
        match node.methods.iter().find(|(method, _)| method == wanted) {
            Some((_, leaf)) => Found::Route(leaf.endpoint, leaf.params.iter().copied().zip(captured).collect()),
            None => node.allow.as_ref().map_or(Found::Nothing, Found::MethodNotAllowed),
        }
    }
}

fn method(method: messages::route::Method) -> Method {
    match method {
        messages::route::Method::Get => Method::GET,
        messages::route::Method::Post => Method::POST,
        messages::route::Method::Put => Method::PUT,
        messages::route::Method::Delete => Method::DELETE,
    }
}

impl Node {
    fn add(&mut self, path: &'static str, method: Method, endpoint: Endpoint) -> Result<(), Ambiguous> {
        let mut node = self;
        let mut params = Vec::new();
        for segment in path.trim_start_matches('/').split('/') {
            node = if let Some(name) = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
                params.push(name);
                node.param.get_or_insert_default()
            } else {
                node.literal(segment)
            };
        }
        if node.methods.iter().any(|(known, _)| *known == method) {
            return Err(Ambiguous { method: method.to_string(), path: path.to_owned() });
        }
        node.methods.push((method, Leaf { endpoint, params }));
        Ok(())
    }

    fn literal(&mut self, segment: &'static str) -> &mut Node {
        let at = self.literals.iter().position(|(known, _)| *known == segment).unwrap_or_else(|| {
            self.literals.push((segment, Node::default()));
            self.literals.len() - 1
        });
        &mut self.literals[at].1
    }

    /// Writes the `Allow` headers once.
    fn finish(&mut self) {
        let mut allow: BTreeSet<&str> = self.methods.iter().map(|(method, _)| method.as_str()).collect();
        if !allow.is_empty() {
            if allow.contains("GET") {
                allow.insert("HEAD");
            }
            allow.insert("OPTIONS");
            let text = Vec::from_iter(allow).join(", ");
            self.allow = HeaderValue::try_from(text).ok();
        }
        self.literals.iter_mut().map(|(_, node)| node).chain(self.param.as_deref_mut()).for_each(Node::finish);
    }

    /// The node at the end of the path. Tries the literal first and comes back for the parameter.
    fn walk<'a>(&'a self, rest: &'a str, captured: &mut Vec<Cow<'a, str>>) -> Option<&'a Node> {
        let (segment, rest) = match rest.split_once('/') {
            Some((segment, rest)) => (segment, Some(rest)),
            None => (rest, None),
        };
        let onward = |node: &'a Node, captured: &mut Vec<Cow<'a, str>>| match rest {
            Some(rest) => node.walk(rest, captured),
            None => (!node.methods.is_empty()).then_some(node),
        };
        let literal = self.literals.iter().find(|(literal, _)| *literal == segment).map(|(_, node)| node);
        if let Some(end) = literal.and_then(|node| onward(node, captured)) {
            return Some(end);
        }
        let param = self.param.as_deref()?;
        captured.push(plain(segment)?);
        let end = onward(param, captured);
        if end.is_none() {
            captured.pop();
        }
        end
    }
}

/// A parameter's value, if its segment says one plainly.
pub(crate) fn plain(segment: &str) -> Option<Cow<'_, str>> {
    // Nearly every one is an id, which needs no second look.
    if !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')) {
        return Some(Cow::Borrowed(segment));
    }
    let text = decode(segment)?;
    let hidden = |c: char| c.is_control() || matches!(c, '/' | '\\' | ';');
    (!matches!(&*text, "" | "." | "..") && !text.contains(hidden)).then_some(text)
}

/// Undoes percent-encoding; `None` when it is broken or not UTF-8.
pub(crate) fn decode(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('%') {
        return Some(Cow::Borrowed(text));
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        if byte == b'%' {
            let (digits, after) = after.split_first_chunk::<2>()?;
            let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
            bytes.push(digit(digits[0])? << 4 | digit(digits[1])?);
            rest = after;
        } else {
            bytes.push(byte);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tree of paths, each of which answers GET; what is found is told by its path and parameters.
    fn find(paths: &[&'static str], path: &str) -> Option<String> {
        let route = messages::ROUTES.first().expect("the contract has routes");
        let mut root = Node::default();
        for (index, path) in paths.iter().enumerate() {
            root.add(path, Method::GET, Endpoint { route, reads: None, patch: false, index }).expect("unambiguous");
        }
        root.finish();
        match (Router { root }).find(&Method::GET, path) {
            Found::Route(endpoint, params) => {
                let params: Vec<_> = params.iter().map(|(name, value)| format!(" {name}={value}")).collect();
                Some(format!("{}{}", paths[endpoint.index], params.concat()))
            }
            _ => None,
        }
    }

    const PATHS: [&str; 5] = ["/a/b", "/a/{x}", "/a/{y}/stock", "/a/levels/{w}/{s}", "/a/levels"];

    #[test]
    fn a_literal_wins_and_a_parameter_takes_the_rest() {
        for (path, expected) in [
            ("/a/b", "/a/b"),
            ("/a/c", "/a/{x} x=c"),
            ("/a/b/stock", "/a/{y}/stock y=b"),
            ("/a/levels", "/a/levels"),
            ("/a/levels/stock", "/a/{y}/stock y=levels"),
            ("/a/levels/w/stock", "/a/levels/{w}/{s} w=w s=stock"),
            ("/a/caf%C3%A9", "/a/{x} x=café"),
            ("/a/%62", "/a/{x} x=b"),
        ] {
            assert_eq!(find(&PATHS, path).as_deref(), Some(expected), "{path}");
        }
    }

    #[test]
    fn other_spellings_of_a_path_are_not_that_path() {
        for path in [
            "",
            "/",
            "a/b",
            "//a/b",
            "/a//b",
            "/a/b/",
            "/a/",
            "/%61/b",
            "/A/b",
            "/a/.",
            "/a/..",
            "/a/%2e%2e",
            "/a/%2E",
            "/a/x%2fy",
            "/a/x%5cy",
            "/a/x;y",
            "/a/x%3By",
            "/a/%00",
            "/a/%0a",
            "/a/%c0%ae",
            "/a/%ff",
            "/a/%",
            "/a/%4",
            "/a/%zz",
            "/a/b/../c",
            "/x/../a/b",
        ] {
            assert_eq!(find(&PATHS, path), None, "{path}");
        }
    }

    #[test]
    fn the_contract_is_unambiguous_and_every_route_is_found_by_its_own_path() {
        let router = Router::new(messages::ROUTES).expect("unambiguous");
        for route in messages::ROUTES {
            for http in route.http {
                let found = router.find(&method(http.method), http.path);
                assert!(
                    matches!(found, Found::Route(endpoint, _) if endpoint.route.rpc == route.rpc),
                    "{http:?}: {found:?}"
                );
                let Found::MethodNotAllowed(allow) = router.find(&Method::TRACE, http.path) else {
                    panic!("TRACE is allowed on {}", http.path);
                };
                assert!(allow.to_str().expect("text").contains(http.method.as_str()));
            }
        }
    }
}
